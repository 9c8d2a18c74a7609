"""What is said of the tempo and key of two songs, and what is measured of a query."""

from pathlib import Path
from typing import Any

import pytest

from classifier.measures.measure import UNKNOWN, Measures
from db.models import MEASURES
from recommender.presentation.measures import measures_compared
from tests import synth
from tests.recommender.support import Library, query


@pytest.mark.parametrize(
    ("mine", "its", "said"),
    [
        (120.0, 124.7, "both about 120 bpm"),
        (120.0, 125.0, "your 120 bpm, its 125"),
        (120.0, 115.3, "both about 120 bpm"),
        (136.0, 70.0, "your 136 bpm are twice its 70"),
        (70.0, 136.0, "your 70 bpm are half its 136"),
        (170.0, 90.0, "your 170 bpm, its 90"),
        (None, 90.0, ""),
        (90.0, None, ""),
    ],
)
def test_tempi(mine: float | None, its: float | None, said: str) -> None:
    assert measures_compared(Measures(tempo_bpm=mine), Measures(tempo_bpm=its)) == said


@pytest.mark.parametrize(
    ("mine", "its", "said"),
    [
        ("A minor", "A minor", "both in A minor"),
        ("A minor", "C major", "your A minor, its relative C major"),
        ("C major", "A minor", "your C major, its relative A minor"),
        ("F# major", "C# major", "your F# major, its C# major, a fifth away"),
        ("C major", "F major", "your C major, its F major, a fifth away"),
        ("C major", "C minor", "your C major, its C minor"),
        ("B minor", "D# major", "your B minor, its D# major"),
        (None, "A minor", ""),
    ],
)
def test_keys(mine: str | None, its: str | None, said: str) -> None:
    assert measures_compared(Measures(key=mine), Measures(key=its)) == said


def test_both_in_one_line_and_nothing_of_nothing() -> None:
    one = Measures(tempo_bpm=100.0, key="D major")
    assert measures_compared(one, one) == "both about 100 bpm; both in D major"
    assert measures_compared(UNKNOWN, one) == ""


def written(library: Library, table: str, number: int, **values: Any) -> None:
    """Store measures of a track or segment."""
    named = ", ".join(f"{name} = ?" for name in values)
    query(library.home, f"UPDATE {table} SET {named} WHERE id = {number}", *values.values())


def test_a_song_is_told_as_measured_and_a_passage_as_the_segment_that_it_lies_in(library: Library) -> None:
    track = library.similar("iota", "-n", 1)["query"]["track_id"]  # a segment, and three seconds
    ids = [
        row["id"]
        for row in query(library.home, f"SELECT id FROM segment WHERE track_id = {track} ORDER BY start_s")
    ]
    written(library, "track", track, tempo_bpm=77.0, key="E minor")
    for number, segment in enumerate(ids):
        written(library, "segment", segment, tempo_bpm=100.0 + number, key=None)
    whole = library.similar(str(track), "--explain", "-n", 2)
    assert (whole["query"]["tempo_bpm"], whole["query"]["key"]) == (77, "E minor")
    for start, end, number in ((0, 20, 0), (0, 33, 0), (29, 33, 1), (30, 33, 1)):
        found = library.similar(str(track), "--from", start, "--to", end, "-n", 1)["query"]
        assert (found["tempo_bpm"], found["key"]) == (100 + number, None)
    for result in whole["results"]:
        stored = query(library.home, f"SELECT tempo_bpm, key FROM track WHERE id = {result['track_id']}")[0]
        its = Measures(tempo_bpm=stored["tempo_bpm"], key=stored["key"])
        said = measures_compared(Measures(tempo_bpm=77.0, key="E minor"), its)
        assert (said in result["reasons"]["words"]) == bool(said)


def test_a_file_outside_is_told_as_classify_measures_it(library: Library, tmp_path: Path) -> None:
    outside = synth.write(tmp_path / "outside.flac", synth.music_like(40.0, 7))
    asked = library.similar(outside, "-n", 1)["query"]
    heard = library.run("classify", outside, "--json").json[0]
    assert {name: asked[name] for name in MEASURES} == {name: heard[name] for name in MEASURES}
    assert asked["loudness_lufs"] is not None
