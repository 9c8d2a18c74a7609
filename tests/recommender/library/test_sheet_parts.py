"""Which files of a folder cue sheets cut, and what they say of the parts."""

import os
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mutagen.flac import FLAC, Picture

from recommender.file_tags.read import FileTags
from recommender.library.cue_sheet import CueSheetError
from recommender.library.embedded_sheet import embedded_sheet
from recommender.library.sheet_parts import SheetPart, part_at, parts_within, range_at, read_sheets

TWO = (
    "{head}\nFILE {name} WAVE\nTRACK 01 AUDIO\nINDEX 01 00:00:00\n"
    "TRACK 02 AUDIO\nTITLE Two\nINDEX 01 01:00:00\n"
)


def sheet(path: Path, name: str, head: str = "") -> Path:
    path.write_text(TWO.format(name=f'"{name}"', head=head), encoding="utf-8")
    return path


def cut(folder: Path, *audio: str) -> tuple[dict[str, list[int]], list[str]]:
    """Return the numbers of parts by file, and the warnings with paths relative to the folder."""
    sheets = [str(path) for path in folder.glob("*.cue")]
    found = read_sheets(sheets, [str(folder / name) for name in audio])
    parts = {os.path.basename(path): [part.number for part in of] for path, of in found.parts.items()}
    return parts, [warning.removeprefix(f"{folder}/") for warning in found.warnings]


@pytest.mark.parametrize(
    ("written", "audio", "meant"),
    [
        ("a.flac", ["a.flac", "a.mp3"], "a.flac"),
        ("a.wav", ["a.flac"], "a.flac"),  # from before it was compressed
        ("A.WAV", ["a.Flac"], "a.Flac"),
        ("C:\\Rips\\2001\\a.wav", ["a.flac"], "a.flac"),
        ("..\\a.wav", ["a.ape"], "a.ape"),
        ("sub/a.wav", ["a.wav"], "a.wav"),
        ("CDImage.wav", ["x.flac", "b.flac"], "x.flac"),  # called as the sheet
        ("Cafe\u0301.wav", ["Caf\u00e9.flac"], "Caf\u00e9.flac"),
    ],
)
def test_the_file_that_is_meant(tmp_path: Path, written: str, audio: list[str], meant: str) -> None:
    sheet(tmp_path / "x.cue", written)
    assert cut(tmp_path, *audio) == ({meant: [1, 2]}, [])


def test_a_file_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    sheet(tmp_path / "x.cue", "gone.wav")
    assert cut(tmp_path, "a.flac") == ({}, ["x.cue: gone.wav is not there; the sheet is not followed"])


def test_one_file_a_track_and_single_tracks_add_nothing(tmp_path: Path) -> None:
    one = 'FILE "{0}.wav" WAVE\nTRACK {0} AUDIO\nINDEX 01 00:00:00\n'
    (tmp_path / "x.cue").write_text(one.format("01") + one.format("02"))
    (tmp_path / "y.cue").write_text(one.format("03"))
    (tmp_path / "z.cue").write_text(one.format("04"))  # whose file is not there
    assert cut(tmp_path, "01.flac", "02.flac", "03.flac") == ({}, [])


def test_a_sheet_may_cut_several_files(tmp_path: Path) -> None:
    text = TWO.format(name='"1.wav"', head="") + TWO.format(name='"2.wav"', head="").replace(
        "TRACK 01", "TRACK 03"
    ).replace("TRACK 02", "TRACK 04")
    (tmp_path / "x.cue").write_text(text)
    assert cut(tmp_path, "1.flac", "2.flac") == ({"1.flac": [1, 2], "2.flac": [3, 4]}, [])


def test_the_sheet_called_as_the_file_counts_and_a_broken_one_does_not(tmp_path: Path) -> None:
    sheet(tmp_path / "album.cue", "album.wav", "TITLE Right")
    sheet(tmp_path / "a copy.cue", "album.wav", "TITLE Wrong")
    found = read_sheets([str(path) for path in tmp_path.glob("*.cue")], [str(tmp_path / "album.flac")]).parts[
        str(tmp_path / "album.flac")
    ]
    assert {part.tags.album for part in found} == {"Right"}
    (tmp_path / "album.cue").write_text("FILE a WAVE\nTRACK 01 AUDIO\nINDEX 01 9\n")
    parts, warnings = cut(tmp_path, "album.flac")
    assert parts == {"album.flac": [1, 2]}
    (warning,) = warnings
    assert warning.startswith("album.cue: line 3: an INDEX is")


def test_a_sheet_that_cannot_be_read_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "x.cue").mkdir()
    (warning,) = cut(tmp_path, "x.flac")[1]
    assert warning.startswith("x.cue: it cannot be read:")


HEAD = 'PERFORMER "Band"\nTITLE "Album"\nREM GENRE "Rock; Pop"\nREM DATE 24.12.1999\nREM DISCNUMBER 2/3'
OF_FILE = FileTags(
    *("Image", "Somebody", "Other album", 1950, ["Jazz"], 7, datetime(2020, 1, 1), "Somebody", 9, 1, ["Jazz"])
)


def test_what_a_sheet_says_goes_before_what_the_file_says(tmp_path: Path) -> None:
    sheet(tmp_path / "x.cue", "x.wav", HEAD)
    first, second = read_sheets([str(tmp_path / "x.cue")], [str(tmp_path / "x.flac")]).parts[
        str(tmp_path / "x.flac")
    ]
    assert (first.start_s, first.end_s, second.start_s, second.end_s) == (0.0, 60.0, 60.0, None)
    # Plays are of the file, genres in the sheet are a person's.
    assert second.described(OF_FILE) == FileTags(
        "Two", "Band", "Album", 1999, ["Rock", "Pop"], 0, None, "Band", 2, 2, []
    )
    assert first.described(OF_FILE).title == "Track 01"


def test_where_a_sheet_says_nothing_the_file_does(tmp_path: Path) -> None:
    sheet(tmp_path / "x.cue", "x.wav", 'PERFORMER "Unknown Artist"\nTITLE ""\nREM GENRE Unknown')
    part = read_sheets([str(tmp_path / "x.cue")], [str(tmp_path / "x.flac")]).parts[str(tmp_path / "x.flac")][
        1
    ]
    assert part.described(OF_FILE) == FileTags(
        "Two", "Somebody", "Other album", 1950, ["Jazz"], 0, None, "Somebody", 2, 1, ["Jazz"]
    )


def test_hashes() -> None:
    of_file = "0123456789abcdef" * 2 + "f00dcafe"
    part = SheetPart(2, 60.0, 120.5, FileTags("Two"))
    found = part.content_hash(of_file)
    assert found is not None
    assert len(found) == 40
    assert found.endswith("f00dcafe")  # of the same codec, rate and channels
    same = SheetPart(7, 60.0, 120.5, FileTags("Another title"))
    assert same.content_hash(of_file) == found
    assert same.sheet_hash != part.sheet_hash
    others = [SheetPart(2, *borders, part.tags) for borders in ((60.0, 120.0), (60.0, None), (59.0, 120.5))]
    hashes = {found, of_file, *(other.content_hash(of_file) for other in others)}
    assert len(hashes) == 5
    assert part.content_hash("1" + of_file[1:]) not in hashes
    assert part.content_hash(None) is None


def test_the_part_that_a_path_means(tmp_path: Path) -> None:
    sheet(tmp_path / "x.cue", "x.wav")
    (tmp_path / "x.flac").write_bytes(b"-")
    found = part_at(str(tmp_path / "x.flac#02"))
    assert found is not None
    assert (found[0], found[1].number) == (str(tmp_path / "x.flac"), 2)
    assert range_at(str(tmp_path / "x.flac#01")).end_s == 60.0
    for name in ("x.flac", "x.flac#03", "y.flac#01", "x.flac#2"):
        assert part_at(str(tmp_path / name)) is None, name
        assert range_at(str(tmp_path / name)).whole


def flac(path: Path, sheet_in_it: str | None, *, id3_in_front: bool = False, picture: bool = False) -> Path:
    """Write a FLAC file with a sheet in its comments."""
    soundfile.write(path, np.zeros(44_100, np.int16), 44_100)
    file = FLAC(path)
    file["title"] = "Image"
    if sheet_in_it is not None:
        file["CueSheet"] = sheet_in_it
    if picture:
        large = Picture()
        large.data = bytes(300_000)
        file.add_picture(large)
    file.save()
    if id3_in_front:
        path.write_bytes(b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + path.read_bytes())
    return path


EMBEDDED = TWO.format(name='"CDImage.wav"', head='TITLE "Disc"')


@pytest.mark.parametrize("id3_in_front", [False, True])
@pytest.mark.parametrize("picture", [False, True])
def test_a_sheet_in_the_file(tmp_path: Path, id3_in_front: bool, picture: bool) -> None:
    path = flac(tmp_path / "a.FLAC", EMBEDDED, id3_in_front=id3_in_front, picture=picture)
    assert embedded_sheet(str(path)) == EMBEDDED.encode()
    first, second = parts_within(str(path))
    assert (first.end_s, second.start_s, second.tags.title, second.tags.album) == (60.0, 60.0, "Two", "Disc")
    found = part_at(f"{path}#02")
    assert found == (str(path), second)
    path.write_bytes(path.read_bytes()[:60])  # cut off before its comments end
    assert embedded_sheet(str(path)) is None


def test_files_without_a_sheet_in_them(tmp_path: Path) -> None:
    assert parts_within(str(flac(tmp_path / "a.flac", None))) == []
    assert parts_within(str(flac(tmp_path / "b.flac", EMBEDDED.partition("TRACK 02")[0]))) == []
    assert parts_within(str(flac(tmp_path / "c.flac", EMBEDDED).rename(tmp_path / "c.wav"))) == []
    assert parts_within(str(tmp_path / "not there.flac")) == []
    (tmp_path / "d.flac").write_bytes(b"fLaC\x04\xff\xff\xff" + bytes(8) + b"\xff" * 4000)
    assert parts_within(str(tmp_path / "d.flac")) == []
    with pytest.raises(CueSheetError, match="line 4"):
        parts_within(str(flac(tmp_path / "e.flac", EMBEDDED.replace("00:00:00", "0"))))
