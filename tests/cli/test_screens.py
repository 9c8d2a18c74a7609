"""Lists of songs on terminals of 80 and 120 columns: what matters is whole, and nothing wraps."""

import io
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len

from recommender.commands.output import show_table
from recommender.commands.song_table import (
    Fact,
    SongRow,
    genres_fact,
    measures_fact,
    plays_fact,
    show_songs,
    song_row,
    tags_fact,
)

STYLE = re.compile("\x1b\\[[0-9;]*m")
PASSAGES = "0:30-1:00 ≈ 12:21-12:51"
TAGS = [{"name": "metal", "probability": 0.864}, {"name": "heavy metal", "probability": 0.134}]
GENRES = [{"name": "rock/progressive", "probability": 0.97}]
SOUND: dict[str, Any] = {"verdict": "rock/progressive", "genres": GENRES, "tags": TAGS}


def row(rank: int, name: str, plays: int = 0, length_s: float = 61.0, track_id: int = 19) -> SongRow:
    artist, _, title = name.rpartition(" - ")
    result = {
        "rank": rank,
        "artist": artist,
        "title": title,
        "duration_s": length_s,
        "track_id": track_id,
        **SOUND,
    }
    facts = [Fact("passages", PASSAGES, PASSAGES, whole=True), plays_fact(plays)]
    return song_row(result, "0.94", [*facts, genres_fact(result, 1), tags_fact(result, 2)])


LONG = "A Band Whose Name Goes On - A Song Whose Title Does Not End Before The Screen Has Come To Its Own End"
ROWS = [
    row(1, "Muldjord - Armygeddon"),
    row(2, LONG, 1234, 3723.0, 100_500),
    row(10, "音楽 - バスとハス" * 9, 1),
]


def test_nothing_in_a_list_contradicts_the_verdict() -> None:
    """Of what is not music neither genres nor tags are told; where the model is unsure, between what."""
    assert genres_fact(SOUND, 1).cell == "rock/progressive 97 %"
    none = {**SOUND, "verdict": "not music"}
    assert (genres_fact(none, 1).words, tags_fact(none, 2).cell, tags_fact(none, 2).words) == (
        "not music",
        "",
        "",
    )
    unsure = {**SOUND, "verdict": "unsure: rock or folk"}
    assert genres_fact(unsure, 2).cell == "unsure: rock or folk"
    assert tags_fact(unsure, 1).words == "tags metal 86 %"
    assert genres_fact({**SOUND, "verdict": None}, 1).cell == "rock/progressive 97 %"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    def shown(width: int, rows: Sequence[SongRow] = ROWS) -> list[str]:
        written = Terminal()
        monkeypatch.setattr(sys, "stdout", written)
        for name, value in {"COLUMNS": str(width), "TERM": "xterm"}.items():
            monkeypatch.setenv(name, value)
        show_songs("alike", rows)
        monkeypatch.undo()
        return [STYLE.sub("", line).rstrip() for line in written.getvalue().splitlines()]

    return shown


def test_eighty_columns(screen: Callable[[int], list[str]]) -> None:
    assert screen(80) == [
        " #  alike  song                                                  length      id",
        " 1   0.94  Muldjord - Armygeddon                                   1:01      19",
        "           0:30-1:00 ≈ 12:21-12:51 · rock/progressive 97 % · tags metal 86 %",
        " 2   0.94  A Band Whose Name Goes On - A Song Whose Title Does…   62:03  100500",
        "           0:30-1:00 ≈ 12:21-12:51 · 1234 plays · rock/progressive 97 %",
        "10   0.94  音楽 - バスとハス音楽 - バスとハス音楽 - バスとハス…    1:01      19",
        "           0:30-1:00 ≈ 12:21-12:51 · 1 play · rock/progressive 97 %",
    ]


def test_tempo_and_key_are_in_lines_and_no_column(screen: Callable[..., list[str]]) -> None:
    said = {"tempo_bpm": 119.6, "tempo_confidence": 0.8, "key": "A minor", "key_confidence": 0.5}
    fact = measures_fact({**said, "loudness_lufs": -9.0, "energy": 0.4})
    assert (fact.words, fact.column) == ("120 bpm, A minor", False)
    assert measures_fact({}).words == ""
    one = replace(ROWS[0], facts=[plays_fact(0), fact, tags_fact(SOUND, 2)])
    assert screen(80, [one])[2].strip() == "120 bpm, A minor · tags metal 86 %, heavy metal 13 %"
    assert "120 bpm" not in "".join(screen(160, [one]))


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (63, "120 bpm, A minor · tags metal 86 %, heavy metal 13 %"),
        (62, "120 bpm, A minor · tags metal 86 %"),
        (40, "120 bpm, A minor"),
    ],
)
def test_of_tags_the_last_are_left_out_not_cut(
    screen: Callable[..., list[str]], width: int, line: str
) -> None:
    fact = measures_fact(
        {"tempo_bpm": 119.6, "tempo_confidence": 0.8, "key": "A minor", "key_confidence": 0.5}
    )
    one = replace(ROWS[0], facts=[fact, tags_fact(SOUND, 2)])
    assert screen(width, [one])[2].strip() == line


def test_from_120_columns_on_one_line_a_song(screen: Callable[[int], list[str]]) -> None:
    lines = [line for line in screen(120) if line]
    assert len(lines) == 2 + len(ROWS)  # a heading and a rule
    heading = [word for word in lines[0].split("  ") if word.strip()]
    assert [word.strip() for word in heading] == [
        *("#", "alike", "song", "length", "passages", "plays", "genres", "tags", "id")
    ]
    for line, song in zip(lines[2:], ROWS, strict=True):
        assert all(part in line for part in (PASSAGES, "0.94", song.length, str(song.track_id)))
        assert "…" in line


@pytest.mark.parametrize("width", [40, 60, 80, 100, 119, 120, 160, 400])
def test_nothing_wraps_and_no_figure_is_cut(screen: Callable[[int], list[str]], width: int) -> None:
    lines = screen(width)
    assert max(map(cell_len, lines)) <= width
    for song in ROWS:
        assert any(line.lstrip().startswith(f"{song.rank} ") and song.length in line for line in lines)
    assert sum(PASSAGES in line for line in lines) == len(ROWS)


def test_a_list_without_songs_is_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    show_songs("fits", [])
    assert capsys.readouterr().out == ""


COLUMNS_OF_RECIPES = ("recipe", "accuracy", "± folds", "macro F1", "top 3", "ECE", "by segment", "a fit")
MUSICNN = ("musicnn", "0.583 (0.42-0.74)", "0.031", "0.601", "0.850", "0.104", "0.583", "169.2 s")
CNN = ("cnn-mel+augment", "0.617 ± 0.012", "0.102", "0.598", "", "0.099", "0.571", "1022.4 s")
TABLES: dict[str, tuple[Sequence[str], Sequence[Sequence[str]]]] = {
    "a recipe": (COLUMNS_OF_RECIPES, [MUSICNN]),
    "recipes": (COLUMNS_OF_RECIPES, [MUSICNN, CNN] * 4),
    "an explanation": (
        ("passage", "adds (nats)", "rock/progressive/very/long without it"),
        [("0:00-0:30", "+0.0431", "12.1 % (3.2 - 30)"), ("1:00:00-1:00:30", "-0.0002", "99.9 %")],
    ),
    "a shortlist": (
        ("#", "song", "passages", "alike", "found by", "note"),
        [("12", LONG, "1:00:30-1:01:00 ≈ 12:21-12:51", "0.94", LONG, "the second, 130 bpm, not -9.1 LUFS")],
    ),
    "a path": (("path", "bytes"), [("/music/" + "a" * 90 + "/b.flac", "1,234,567 kB")]),
    "nothing": (("id", "mix", "songs", "why"), []),
}
FIGURE = re.compile(r"[±+-]? ?\(?\d[\d.,:]*(?:-\d[\d.:,]*)?\)?(?: (?:%|s|kB|bpm|LUFS))?")


@pytest.fixture
def table_on(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    def shown(width: int, *table: Any, **more: Any) -> list[str]:
        written = Terminal()
        monkeypatch.setattr(sys, "stdout", written)
        for name, value in {"COLUMNS": str(width), "TERM": "xterm"}.items():
            monkeypatch.setenv(name, value)
        show_table(*table, **more)
        monkeypatch.undo()
        return [STYLE.sub("", line).rstrip() for line in written.getvalue().splitlines()]

    return shown


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("name", TABLES)
def test_a_table_breaks_within_no_number_and_loses_none(
    table_on: Callable[..., list[str]], name: str, width: int
) -> None:
    columns, rows = TABLES[name]
    lines = table_on(width, columns, rows)
    assert all(cell_len(line) <= width for line in lines)
    for row in rows:
        for figure in (found for cell in row for found in FIGURE.findall(cell)):
            seen = re.compile(rf"(?<!\S){re.escape(figure.strip())}(?![\w.])")
            assert any(seen.search(line) for line in lines), (figure, lines)
    letters = Counter("".join([*columns, *(cell for row in rows for cell in row)]).replace(" ", ""))
    assert not letters - Counter("".join(lines))
    assert "…" not in "".join(lines)


def test_a_table_of_figures_at_eighty_columns(table_on: Callable[..., list[str]]) -> None:
    assert table_on(80, COLUMNS_OF_RECIPES, [MUSICNN], "60 songs of 10 genres, held out") == [
        "60 songs of 10 genres, held out",
        "",
        "                                    macro                    by",
        "  recipe    accuracy      ± folds   F1       top 3   ECE     segment   a fit",
        " " + 78 * "─",
        "  musicnn   0.583         0.031     0.601    0.850   0.104   0.583     169.2 s",
        "            (0.42-0.74)",
        "",
    ]


def test_a_table_too_wide_for_its_words_is_turned(table_on: Callable[..., list[str]]) -> None:
    assert table_on(80, COLUMNS_OF_RECIPES, [MUSICNN, CNN], highlight=1) == [
        "",
        "  recipe       musicnn             cnn-mel+augment",
        " " + 50 * "─",
        "  accuracy     0.583 (0.42-0.74)   0.617 ± 0.012",
        "  ± folds      0.031               0.102",
        "  macro F1     0.601               0.598",
        "  top 3        0.850",
        "  ECE          0.104               0.099",
        "  by segment   0.583               0.571",
        "  a fit        169.2 s             1022.4 s",
        "",
    ]
    lines = table_on(80, COLUMNS_OF_RECIPES, [MUSICNN, CNN] * 4)
    assert [len(line.split()) for line in lines if line.startswith("  recipe")] == [5, 5]
