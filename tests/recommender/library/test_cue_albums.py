"""An album in one file with a cue sheet, through ingest and what asks the catalogue."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from classifier.audio import openers
from db.file_range import FileRange
from db.tracks import at_path
from tests import synth
from tests.conftest import SHARED
from tests.databases import open_catalog, query
from tests.recommender.albums import FRAME, HEAD, Album, made_up, time, write_album
from tests.recommender.here import Here
from tests.recommender.support import Library, analyses, counts, names, tracks

N = 4


@pytest.fixture
def own(tmp_path: Path) -> Library:
    return Library(tmp_path / "music", tmp_path / "home")


@pytest.fixture
def album(own: Library) -> Album:
    return write_album(own.music / "band/album.flac", made_up(N), 44_100)


def numbers(library: Library) -> dict[int, Any]:
    """Return the rows of parts that are there, by their number."""
    rows = tracks(library.home)
    found = {p: row for p, row in rows.items() if row["range_start_s"] is not None and not row["missing"]}
    return {int(path.rpartition("#")[2]): row for path, row in sorted(found.items())}


def test_a_row_a_track(own: Library, album: Album) -> None:
    assert counts(own.ingest()) == {"found": N, "analysed": N}
    rows = numbers(own)
    assert list(rows) == [1, 2, 3, 4]
    for number, row in rows.items():
        assert os.fsdecode(row["rel_path"]) == f"band/album.flac#{number:02d}"
        assert (row["title"], row["artist"], row["album"]) == (f"Song {number}", "The Band", "The Album")
        assert (row["album_artist"], row["track_number"], row["year"]) == ("The Band", number, 1999)
        assert row["file_genres"] in ('["Test-Pop"]', ["Test-Pop"])
        assert row["range_start_s"] == pytest.approx(album.start_s(number))
        assert row["duration_s"] == pytest.approx(len(album.tracks[number - 1]) / 44_100, abs=1e-3)
    assert [row["range_end_s"] for row in rows.values()] == [
        *(pytest.approx(album.start_s(number)) for number in (2, 3, 4)),
        None,
    ]
    assert len({row["content_hash"] for row in rows.values()}) == N
    assert own.indexed() == {row["id"] for row in rows.values()}
    assert counts(own.ingest()) == {"found": N, "unchanged": N}


def test_a_track_sounds_as_the_same_samples_in_a_file_of_their_own(own: Library, album: Album) -> None:
    files = album.write_separately(own.music / "files")
    own.ingest()
    stored = analyses(own.home)
    for number, file in enumerate(files, start=1):
        (of_file,), (of_part,) = stored[str(file)], stored[f"{album.file}#{number:02d}"]
        assert of_part[:2] == pytest.approx(of_file[:2], abs=1e-3)
        for one, other in zip(of_part[2:], of_file[2:], strict=True):
            kind = np.float32
            assert np.array_equal(np.frombuffer(one, kind), np.frombuffer(other, kind))


@pytest.mark.parametrize("ending", ["flac", "wav", "ogg", "m4a", "mp3"])
def test_the_file_is_decoded_once(own: Library, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    songs = made_up(3, rate_hz=synth.RATE_HZ)
    made = write_album(own.music / "album.wav", songs, synth.RATE_HZ)
    if ending != "wav":
        whole, _ = soundfile.read(made.file, dtype="float32", always_2d=True)
        made.file.unlink()
        synth.write(made.file.with_suffix(f".{ending}"), whole.mean(axis=1))
    opened: list[str] = []
    real = openers.check_readable

    def noted(path: Path) -> None:
        opened.append(path.name)
        real(path)

    monkeypatch.setattr(openers, "check_readable", noted)
    monkeypatch.setattr("recommender.library.ingest.Workers", Here)
    monkeypatch.setattr(Here, "decoded", [], raising=False)
    from classifier.model import bundle
    from classifier.model.inference import Trunk
    from recommender.library.workers import tasks

    monkeypatch.setattr(tasks, "_trunk", Trunk(bundle.load(bundle.SHIPPED), threads=1))
    assert counts(own.ingest()) == {"found": 3, "analysed": 3}
    assert opened == [f"album.{ending}"]
    rows = numbers(own)
    for number, row in rows.items():
        assert row["duration_s"] == pytest.approx(len(made.tracks[number - 1]) / synth.RATE_HZ, abs=0.1)
        assert row["warning"] is None


def test_other_words_are_read_without_analysing(own: Library, album: Album) -> None:
    own.ingest()
    before = numbers(own)
    query(own.home, "UPDATE track SET plays = 9 WHERE track_number = 2")
    text = album.sheet.read_text().replace("Song 2", "Renamed").replace("Test-Pop", "Folk")
    album.sheet.write_text(text)
    assert counts(own.ingest()) == {"found": N, "unchanged": N}
    rows = numbers(own)
    assert (rows[2]["title"], rows[2]["plays"]) == ("Renamed", 9)
    assert {str(row["file_genres"]) for row in rows.values()} <= {'["Folk"]', "['Folk']"}
    assert [row["id"] for row in rows.values()] == [row["id"] for row in before.values()]
    assert own.similar("Renamed")["query"]["track_id"] == before[2]["id"]


def test_another_border_analyses_the_two_tracks_beside_it_only(own: Library, album: Album) -> None:
    own.ingest()
    before = numbers(own)
    query(own.home, "UPDATE track SET plays = track_number")
    album.starts[2] += FRAME
    album.write_sheet(*HEAD)
    assert counts(own.ingest()) == {"found": N, "analysed": 2, "unchanged": 2}
    rows = numbers(own)
    assert [(row["id"], row["plays"]) for row in rows.values()] == [
        (before[number]["id"], number) for number in (1, 2, 3, 4)
    ]
    grown = rows[2]["duration_s"] - before[2]["duration_s"], rows[3]["duration_s"] - before[3]["duration_s"]
    assert grown == pytest.approx((1.0, -1.0), abs=1e-3)
    assert rows[2]["content_hash"] != before[2]["content_hash"]


def test_a_track_keeps_its_row_when_its_number_changes(own: Library, album: Album) -> None:
    own.ingest()
    before = numbers(own)
    query(own.home, "UPDATE track SET plays = track_number")
    # Track 1 becomes two, so that each later one has the next number.
    album.write_sheet(*HEAD, starts=[0, 2 * FRAME, *album.starts[1:]])
    made_short = own.ingest(code=3)
    assert [failed["kind"] for failed in made_short["failed"]] == ["too_short"]
    rows = numbers(own)
    assert {number: (rows[number]["id"], rows[number]["plays"]) for number in (3, 4, 5)} == {
        number + 1: (before[number]["id"], number) for number in (2, 3, 4)
    }
    album.write_sheet(*HEAD)
    own.ingest()
    again = numbers(own)
    assert [again[n]["plays"] for n in (2, 3, 4)] == [2, 3, 4]
    assert [again[n]["content_hash"] for n in again] == [before[n]["content_hash"] for n in before]


def test_without_its_sheet_it_is_one_file_again_and_back(own: Library, album: Album) -> None:
    own.ingest()
    ids = [row["id"] for row in numbers(own).values()]
    kept = album.sheet.read_bytes()
    album.sheet.unlink()
    assert counts(own.ingest()) == {"found": 1, "analysed": 1, "missing": N}
    rows = names(own.home)
    assert rows["album.flac"]["duration_s"] == pytest.approx(
        sum(len(track) for track in album.tracks) / 44_100, abs=1e-3
    )
    assert own.indexed() == {rows["album.flac"]["id"]}
    assert counts(own.ingest()) == {"found": 1, "unchanged": 1}
    album.sheet.write_bytes(kept)
    assert counts(own.ingest()) == {"found": N, "unchanged": N, "missing": 1}
    assert [row["id"] for row in numbers(own).values()] == ids
    assert own.indexed() == set(ids)


def test_moved_or_copied_albums_are_not_analysed_again(own: Library, album: Album) -> None:
    own.ingest()
    ids = {number: row["id"] for number, row in numbers(own).items()}
    (own.music / "sorted").mkdir()
    moved = own.music / "sorted/renamed.flac"
    album.file.rename(moved)
    album.sheet.rename(moved.with_suffix(".cue"))
    assert counts(own.ingest()) == {"found": N, "moved": N}
    assert {number: row["id"] for number, row in numbers(own).items()} == ids
    shutil.copytree(own.music / "sorted", own.music / "backup")
    assert counts(own.ingest()) == {"found": 2 * N, "copied": N, "unchanged": N}
    shutil.rmtree(own.music / "sorted")
    assert counts(own.ingest()) == {"found": N, "missing": N, "unchanged": N}


def test_new_tags_of_the_file_are_no_new_audio(own: Library, album: Album) -> None:
    own.ingest()
    synth.tag(album.file, {"title": "Image", "artist": "Nobody"})
    assert counts(own.ingest()) == {"found": N, "retagged": N}
    assert {row["artist"] for row in numbers(own).values()} == {"The Band"}


def test_a_sheet_in_the_file_makes_its_tracks_too(own: Library, album: Album) -> None:
    text = album.sheet.read_text()
    album.sheet.unlink()
    assert counts(own.ingest()) == {"found": 1, "analysed": 1}
    synth.tag(album.file, {"cuesheet": text})
    assert counts(own.ingest()) == {"found": N, "analysed": N, "missing": 1}
    rows = numbers(own)
    assert [row["title"] for row in rows.values()] == [f"Song {number}" for number in (1, 2, 3, 4)]
    assert own.indexed() == {row["id"] for row in rows.values()}
    assert counts(own.ingest()) == {"found": N, "unchanged": N}
    # One beside it goes before it, and says the same here but for a title.
    album.sheet.write_text(text.replace("Song 3", "Other"))
    assert counts(own.ingest()) == {"found": N, "unchanged": N}
    assert numbers(own)[3]["title"] == "Other"
    album.sheet.unlink()
    own.ingest()
    assert numbers(own)[3]["title"] == "Song 3"
    synth.tag(album.file, {"cuesheet": text.replace("INDEX 01 00:00:00", "INDEX 01 0")})
    report = own.ingest()
    assert counts(report) == {"found": 1, "retagged": 1, "missing": N}
    (note,) = report["notes"]
    assert note.startswith(f"{album.file}: its own cue sheet, line 8: an INDEX is")


def test_a_broken_sheet_is_one_line_and_the_file_a_row(own: Library, album: Album) -> None:
    text = album.sheet.read_text().replace("INDEX 01 00:00:00", "INDEX 01 0:0")
    album.sheet.write_text(text)
    report = own.ingest()
    assert counts(report) == {"found": 1, "analysed": 1}
    (note,) = report["notes"]
    assert note.startswith(f"{album.sheet}: line 8: an INDEX is a number and a time")
    assert note.endswith("the sheet is not followed")


def test_times_beyond_the_audio(own: Library, album: Album) -> None:
    end = sum(len(track) for track in album.tracks) * FRAME // 44_100
    album.write_sheet(*HEAD, starts=[*album.starts[:3], end - FRAME, end + FRAME, end + 99 * FRAME])
    report = own.ingest(code=3)
    assert counts(report) == {"found": 6, "analysed": 3, "failed": 3}
    assert [failed["kind"] for failed in report["failed"]] == ["too_short"] * 3
    assert report["failed"][1]["message"] == (
        f"too short: the audio of its file ends before it begins, at {(end + FRAME) / FRAME:.1f} s"
    )
    assert report["failed"][0]["message"] == "too short: 1.0 s, at least 3 s are needed"
    assert counts(own.ingest()) == {"found": 6, "unchanged": 3, "known_failures": 3}


def test_a_file_that_cannot_be_decoded_fails_for_each_of_its_tracks(own: Library, album: Album) -> None:
    album.file.write_bytes(b"no audio at all" * 100)
    report = own.ingest(code=3)
    assert {failed["kind"] for failed in report["failed"]} == {"not_audio"}
    assert len(report["failed"]) == N
    assert counts(own.ingest()) == {"found": N, "known_failures": N}


def test_queries_by_path(own: Library, album: Album) -> None:
    own.ingest()
    part = own.similar(f"{album.file}#02")["query"]
    assert (part["title"], part["start_s"]) == ("Song 2", 0.0)
    ran = own.run("similar", album.file)
    assert ran.code == 2
    assert "4 tracks match" in ran.err
    assert f"({album.file}#04)" in ran.err
    assert own.run("similar", f"{album.file}#05").code == 1
    passage = own.similar(f"{album.file}#03", "--from", "0:01", "--to", "0:05")["query"]
    assert (passage["start_s"], passage["end_s"]) == (1.0, 5.0)


def test_plays_and_labels_by_path(own: Library, album: Album, tmp_path: Path) -> None:
    own.ingest()
    table = tmp_path / "table.csv"
    table.write_text("path,label,plays\n" + f"{album.file}#02,jazz,5\nband\\album.flac#03,rock,6\n")
    assert own.run("plays", "import", table).code == 0
    own.ingest(own.music, "--labels", table)
    rows = numbers(own)
    assert {n: (row["label"], row["plays"]) for n, row in rows.items()} == {
        **{1: (None, 0), 4: (None, 0)},
        **{2: ("jazz", 5), 3: ("rock", 6)},
    }
    found = own.run("discover", "--json", "-n", "2").json
    assert {seed["title"] for seed in found["seeds"]} == {"Song 2", "Song 3"}
    own.ingest(own.music, "--labels", "tags")  # a genre in the sheet is a person's
    assert {row["label"] for row in numbers(own).values()} == {"Test-Pop"}
    own.ingest(own.music, "--labels", "folders")
    assert {row["label"] for row in numbers(own).values()} == {"band"}


def test_playlists_say_which_part(own: Library, album: Album) -> None:
    own.ingest()
    answer = own.similar(f"{album.file}#02", "-n", "3")
    ranges = {one["title"]: one["range"] for one in answer["results"]}
    assert ranges["Song 3"] == {
        "file": str(album.file),
        "start_s": round(album.start_s(3), 3),
        "end_s": round(album.start_s(4), 3),
    }
    total_s = sum(len(track) for track in album.tracks) / 44_100
    assert ranges["Song 4"]["end_s"] == pytest.approx(total_s, abs=2e-3)
    own.run("similar", f"{album.file}#02", "-n", "3", "-o", own.music / "mix.m3u8")
    lines = (own.music / "mix.m3u8").read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.endswith("The Band - Song 3"))
    assert lines[at + 1 : at + 4] == [
        f"#EXTVLCOPT:start-time={album.start_s(3):.3f}",
        f"#EXTVLCOPT:stop-time={album.start_s(4):.3f}",
        "band/album.flac",
    ]


def test_classify_and_clips_of_a_part_need_no_catalogue(own: Library, album: Album) -> None:
    (answer,) = own.run("classify", f"{album.file}#03", "--json").json
    assert answer["duration_s"] == pytest.approx(len(album.tracks[2]) / 44_100, abs=1e-3)
    assert own.run("classify", f"{album.file}#09").code == 3


def test_nothing_is_written_into_such_a_file(own: Library, album: Album) -> None:
    own.ingest()
    before = album.file.read_bytes()
    dry = own.run("tag", own.music, "--dry-run")
    assert dry.code == 0
    assert dry.err.count("it is one track of several in a file, by a cue sheet") == N
    assert own.run("tag", own.music, "--write").code == 0
    assert album.file.read_bytes() == before


def test_the_catalogue_says_where_a_track_lies(own: Library, album: Album) -> None:
    own.ingest()
    catalog = open_catalog(own.home / "catalog.sqlite")
    with catalog.transaction() as session:
        second, last = (at_path(session, f"{album.file}#{number:02d}") for number in (2, N))
        assert second is not None
        assert last is not None
        assert second.file_range == FileRange(
            str(album.file), pytest.approx(album.start_s(2)), pytest.approx(album.start_s(3))
        )
        assert last.file_range == FileRange(str(album.file), pytest.approx(album.start_s(N)))
    catalog.close()
    assert own.run("check").code == 0


@pytest.mark.shared
def test_real_songs_are_found_as_in_files_of_their_own(own: Library) -> None:
    clips = sorted((SHARED / "data/gtzan60").glob("*/*.flac"))[::12]
    read = [soundfile.read(clip, dtype="int16", always_2d=True) for clip in clips]
    album = write_album(own.music / "album.flac", [samples for samples, _ in read], read[0][1])
    files = album.write_separately(own.music / "files")
    assert counts(own.ingest()) == {"found": 2 * len(clips), "analysed": 2 * len(clips)}
    groups = own.run("duplicates", "--json").json["groups"]
    pairs = {frozenset(os.path.basename(t["path"]) for t in group["tracks"]) for group in groups}
    assert pairs == {frozenset((file.name, f"album.flac#{file.stem}")) for file in files}
    (own.music / "found.json").write_text(own.run("duplicates", "--json").out)
    own.run("playlist", own.music / "found.m3u8", "--from", own.music / "found.json")
    lines = (own.music / "found.m3u8").read_text().splitlines()
    assert lines.count("album.flac") == len(files)
    assert f"#EXTVLCOPT:start-time={album.start_s(2):.3f}" in lines
    for number, file in enumerate(files, start=1):
        of_part, of_file = own.similar(f"{album.file}#{number:02d}"), own.similar(file)
        assert [one["path"] for one in of_part["same_recording"]] == [str(file)]
        alike = [
            {one["title"]: one["similarity"] for one in answer["results"]} for answer in (of_part, of_file)
        ]
        assert alike[0] == alike[1]


def test_times_as_a_sheet_has_them() -> None:
    assert [time(frames) for frames in (0, 74, 75, 75 * 61 + 5)] == [
        "00:00:00",
        "00:00:74",
        "00:01:00",
        "01:01:05",
    ]
