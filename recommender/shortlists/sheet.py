"""A shortlist as a sheet of paper: a page of HTML that prints well."""

from html import escape
from pathlib import Path
from typing import Any, Final

from recommender.presentation.text import called, clock, label_of, title_of

COLUMNS: Final = ("", "Song", "Passage", "Like", "Tempo, key", "Sounds like", "Note")
STYLE: Final = Path(__file__).parents[1] / "service" / "static" / "sheet.css"
"""The style sheet, which is also a part of the service's page."""


def shortlist_sheet(answer: dict[str, Any], style: str | None = None, script: str | None = None) -> str:
    """Return a shortlist as a page of HTML.

    Parameters
    ----------
    answer
        As `recommender.presentation.shortlists.shortlist_answer` gives it.
    style, script
        Addresses of the style sheet, and of what makes a button to print it by; None to hold the style
        itself, and no button.
    """
    name = _text(answer["name"])
    own = STYLE.read_text(encoding="utf-8") if style is None else ""
    styled = f"<style>\n{own}</style>" if style is None else f'<link rel="stylesheet" href="{escape(style)}">'
    button = (
        ""
        if script is None
        else f'<button type="button" id="print">Print</button><script type="module" src="{escape(script)}">'
        "</script>"
    )
    head = "".join(f'<th scope="col">{column}</th>' for column in COLUMNS)
    rows = "\n".join(_row(number, entry) for number, entry in enumerate(answer["entries"], start=1))
    songs = f"{answer['songs']} song{'s' * (answer['songs'] != 1)}, {clock(answer['duration_s'])}"
    return (
        '<!doctype html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{name}</title>\n{styled}\n</head>\n<body>\n{button}\n"
        f'<h1 dir="auto">{name}</h1>\n<p>{songs}; last changed on {answer["changed"][:10]}</p>\n'
        f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</body>\n</html>\n"
    )


def _row(number: int, entry: dict[str, Any]) -> str:
    track = entry["track"]
    by = " · ".join(filter(None, (track["artist"], track["album"])))
    song = f'<b dir="auto">{_text(title_of(track))}</b><br><span class="soft" dir="auto">{_text(by)}</span>'
    query = entry["query_name"] or (called(entry["query"]) if entry["query"] else "")
    alike = "" if entry["similarity"] is None else f"{entry['similarity']:.2f}"
    tempo = "" if track["tempo_bpm"] is None else f"{track['tempo_bpm']:.0f} bpm"
    like = _lines(query, _span(entry["query_start_s"], entry["query_end_s"]), alike)
    passage = _span(entry["match_start_s"], entry["match_end_s"]) or f"all, {clock(track['duration_s'])}"
    cells = (
        ("whole", str(number)),
        ("", song),
        ("whole", passage),
        ("", like),
        ("whole", _lines(tempo, track["key"] or "")),
        ("", _text(label_of(track))),
        ("note", _text(entry["note"])),
    )
    shown = "".join(f'<td class="{kind}">{cell}</td>' for kind, cell in cells)
    return f"<tr>{shown}</tr>"


def _span(start_s: float | None, end_s: float | None) -> str:
    return "" if start_s is None or end_s is None else f"{clock(round(start_s))}–{clock(round(end_s))}"


def _lines(*words: str) -> str:
    return "<br>".join(_text(one) for one in words if one)


def _text(words: str) -> str:
    """Return a text as HTML; bytes of a name that are no characters are replaced."""
    return escape(words.encode("utf-8", "replace").decode())
