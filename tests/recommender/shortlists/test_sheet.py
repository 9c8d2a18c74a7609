"""A shortlist as a page to print: all that it says, and nothing that it would do."""

from html.parser import HTMLParser

from recommender.shortlists.sheet import STYLE, shortlist_sheet
from tests.recommender.shortlists.lists import entry, shortlist, song

HOSTILE = "<script>alert(1)</script>\"'&"


class Page(HTMLParser):
    """Collects what is in the cells, and which elements there are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.elements: list[str] = []
        self.said = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "br" and self.rows:
            self.rows[-1][-1] += "|"

    def handle_data(self, data: str) -> None:
        self.said += data
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip("\n")


def test_every_cell() -> None:
    whole = {
        "match_start_s": None,
        "match_end_s": None,
        "query_start_s": None,
        "similarity": None,
        "query_name": "",
    }
    page = Page(
        shortlist_sheet(
            shortlist(
                entry(song(1), note="no voice\nafter 1:00"),
                entry(song(2, artist="", album="", tempo_bpm=None, key=None, verdict=None), **whole),
            )
        )
    )
    assert page.rows[0] == ["", "Song", "Passage", "Like", "Tempo, key", "Sounds like", "Note"]
    assert page.rows[1] == [
        "1",
        "Song 1|Ann · First",
        "1:02–1:32",
        "Bob - Query|0:10–0:40|0.88",
        "120 bpm|A minor",
        "rock/punk",
        "no voice\nafter 1:00",
    ]
    assert page.rows[2] == ["2", "Song 2|", "all, 3:20", "", "", "", ""]
    assert "Dinner scene" in page.said and "2 songs, 6:40; last changed on 2026-02-03" in page.said


def test_text_stays_text() -> None:
    made = shortlist_sheet(
        shortlist(
            entry(
                song(1, title=HOSTILE, artist=HOSTILE, album=HOSTILE, key=HOSTILE, label=HOSTILE),
                note=HOSTILE,
                query_name=HOSTILE,
            ),
            name=HOSTILE,
        )
    )
    page = Page(made)
    assert "script" not in page.elements and "<script>alert" not in made
    assert page.rows[1].count(HOSTILE) == 2
    assert page.said.count(HOSTILE) >= 8


def test_its_style_is_within_it_or_beside_it() -> None:
    within = shortlist_sheet(shortlist(entry(song(1))))
    assert STYLE.read_text(encoding="utf-8") in within
    assert "<link" not in within and "<button" not in within
    beside = shortlist_sheet(shortlist(entry(song(1))), "../x.css", "../x.js")
    assert "<style" not in beside
    assert '<link rel="stylesheet" href="../x.css">' in beside
    assert '<script type="module" src="../x.js"></script>' in beside
