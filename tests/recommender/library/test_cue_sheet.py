"""Cue sheets as text: encodings, what each line means, and which line is at fault."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.library import params
from recommender.library.cue_sheet import CueSheetError, decoded, parse

SHEET = """REM GENRE "Alt. Rock"
REM DATE 1994
REM DISCNUMBER 2
PERFORMER "Various"
TITLE "An Album"
FILE "An Album.wav" WAVE
  TRACK 01 AUDIO
    TITLE "First "quoted" words"
    PERFORMER "Ann"
    ISRC ABCDE1234567
    INDEX 01 00:02:00
  TRACK 02 AUDIO
    TITLE Unquoted
    INDEX 00 03:10:37
    INDEX 01 03:12:00
  TRACK 03 AUDIO
    TITLE "Third"
    REM GENRE Jazz
    PREGAP 00:02:00
    INDEX 01 104:59:74
    INDEX 02 105:30:00
"""


def failure(text: str) -> str:
    with pytest.raises(CueSheetError) as error:
        parse(text.encode())
    return str(error.value)


def test_what_a_sheet_says() -> None:
    sheet = parse(SHEET.encode())
    assert sheet.words == {
        "GENRE": "Alt. Rock",
        "DATE": "1994",
        "DISCNUMBER": "2",
        "PERFORMER": "Various",
        "TITLE": "An Album",
    }
    assert [(t.number, t.file, t.start_s, t.end_s) for t in sheet.tracks] == [
        (1, "An Album.wav", 2.0, 192.0),  # the gap belongs to the track before it
        (2, "An Album.wav", 192.0, pytest.approx(60 * 104 + 59 + 74 / 75)),
        (3, "An Album.wav", pytest.approx(60 * 104 + 59 + 74 / 75), None),
    ]
    assert [track.words for track in sheet.tracks] == [
        {"TITLE": 'First "quoted" words', "PERFORMER": "Ann"},
        {"TITLE": "Unquoted"},
        {"TITLE": "Third", "GENRE": "Jazz"},
    ]


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_any_ends_of_lines_tabs_and_case(end: str) -> None:
    text = end.join(line.lower().replace("  ", "\t").replace(" ", "\t", 1) for line in SHEET.splitlines())
    assert [track.start_s for track in parse(text.encode()).tracks] == [
        track.start_s for track in parse(SHEET.encode()).tracks
    ]


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        ("Café del Mär", "utf-8"),
        ("Café del Mär", "utf-8-sig"),
        ("Café ハス", "utf-16"),
        ("Café del Mär – “Größe”", "utf-16-le"),
        ("Café del Mär", "utf-16-be"),
        ("Café del Mär – “Größe” ƒ", "cp1252"),
        ("宇多田ヒカル", "cp932"),
        ("東京事変、教育", "cp932"),
        ("plain", "ascii"),
    ],
)
def test_encodings(words: str, encoding: str) -> None:
    text = SHEET.replace("An Album", words)
    assert decoded(text.encode(encoding)) == text
    assert parse(text.encode(encoding)).words["TITLE"] == words


def test_one_file_a_track_with_gaps_in_the_file_before() -> None:
    sheet = parse(
        b'FILE "1.wav" WAVE\nTRACK 01 AUDIO\nINDEX 01 00:00:00\nTRACK 02 AUDIO\nINDEX 00 03:00:00\n'
        b'FILE "2.wav" WAVE\nINDEX 01 00:00:00\nTRACK 03 AUDIO\nINDEX 00 04:00:00\n'
        b'FILE "3.wav" WAVE\nINDEX 01 00:00:00\n'
    )
    assert {name: [t.number for t in of] for name, of in sheet.of_files().items()} == {
        "1.wav": [1],
        "2.wav": [2],
        "3.wav": [3],
    }
    assert [track.end_s for track in sheet.tracks] == [None, None, None]


def test_a_track_of_data_ends_the_one_before_it_and_is_none_itself() -> None:
    sheet = parse(
        b'FILE "cd.bin" BINARY\nTRACK 01 AUDIO\nINDEX 01 00:00:00\nTRACK 02 AUDIO\nINDEX 01 01:00:00\n'
        b"TRACK 03 MODE1/2352\nINDEX 01 02:00:00\n"
    )
    assert [(t.number, t.end_s) for t in sheet.of_files()["cd.bin"]] == [(1, 60.0), (2, 120.0)]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('FILE "a b.wav" WAVE', "a b.wav"),
        ("FILE a b.wav WAVE", "a b.wav"),
        ("FILE a.flac", "a.flac"),
        ('FILE "C:\\Music\\a "x" b.wav" WAVE', 'C:\\Music\\a "x" b.wav'),
    ],
)
def test_names_of_files(line: str, name: str) -> None:
    assert parse(f"{line}\nTRACK 01 AUDIO\nINDEX 01 00:00:00".encode()).tracks[0].file == name


HEAD = 'FILE "a.wav" WAVE\nTRACK 01 AUDIO\nINDEX 01 00:00:00\nTRACK 02 AUDIO\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "INDEX 01 00:60:00", "line 5: 00:60:00 is no time: seconds go to 59, frames to 74"),
        (HEAD + "INDEX 01 00:10:75", "line 5: 00:10:75 is no time: seconds go to 59, frames to 74"),
        (HEAD + "INDEX 01 1:2", "line 5: an INDEX is a number and a time as 03:25:74 (mm:ss:ff)"),
        (HEAD + "INDEX 01", "line 5: an INDEX is a number and a time as 03:25:74 (mm:ss:ff)"),
        (HEAD + "INDEX 01 00:00:00", "line 4: track 2 begins where the one before does"),
        (HEAD + "TITLE x", "line 4: track 2 has no INDEX 01 (up to line 5)"),
        (HEAD + "TRACK 03 AUDIO\nINDEX 01 01:00:00", "line 4: track 2 has no INDEX 01 (up to line 5)"),
        (HEAD + "INDEX 01 01:00:00\nINDEX 02 00:59:00", "line 6: 00:59:00 is before the index above it"),
        (HEAD + "INDEX 01 01:00:00\nINDEX 01 01:10:00", "line 6: a second INDEX 01 of track 2"),
        (HEAD.replace("02", "01") + "INDEX 01 01:00:00", "line 4: a second track 1"),
        (HEAD.replace("02", "two"), "line 4: 'two' is no track number"),
        (
            HEAD + 'INDEX 01 01:00:00\nFILE "b.wav" WAVE\nTRACK 03 AUDIO\nINDEX 01 00:00:00\n'
            'FILE "a.wav" WAVE\nTRACK 04 AUDIO\nINDEX 01 00:30:00',
            "line 9: a.wav comes again, after another file",
        ),
        ("TRACK 01 AUDIO", "line 1: a TRACK before the FILE that it is in"),
        ('FILE "a.wav" WAVE\nINDEX 01 00:00:00', "line 2: an INDEX before any TRACK"),
        ('FILE "" WAVE\nTRACK 01 AUDIO', "line 1: FILE names no file"),
        ("", "it names no tracks"),
        ("\0\1\2 anything", "it names no tracks"),
    ],
)
def test_broken_sheets_name_their_line(text: str, said: str) -> None:
    assert failure(text) == said


def test_limits() -> None:
    tracks = (f"TRACK {n} AUDIO\nINDEX 01 {n}:00:00\n" for n in range(1, params.MOST_SHEET_TRACKS + 2))
    text = 'FILE "a.wav" WAVE\n' + "".join(tracks)
    assert failure(text) == f"line {2 * params.MOST_SHEET_TRACKS + 2}: more than 1,000 tracks"
    assert len(parse(text.rsplit("TRACK", 1)[0].encode()).tracks) == params.MOST_SHEET_TRACKS
    large = SHEET.encode().ljust(params.LARGEST_SHEET)
    assert len(parse(large).tracks) == 3
    with pytest.raises(CueSheetError, match="larger than 1 MB"):
        parse(large + b" ")


WORDS = [line.encode() for line in SHEET.splitlines()] + [
    b"INDEX 01 \xff:00",
    b"TRACK 1e9 AUDIO",
    b'FILE "',
    b'FILE "b.wav" WAVE',
]


@given(
    st.lists(st.sampled_from(WORDS) | st.binary(max_size=20), max_size=30).map(b"\n".join)
    | st.binary(max_size=300)
)
def test_whatever_a_file_holds_tracks_follow_each_other_or_it_is_an_error(data: bytes) -> None:
    try:
        sheet = parse(data)
    except CueSheetError:
        return
    for of in sheet.of_files().values():
        bounds = [(track.start_s, track.end_s) for track in of]
        assert all(start_s >= 0 and (end_s is None or end_s > start_s) for start_s, end_s in bounds)
        starts = [start_s for start_s, _ in bounds]
        assert starts == sorted(set(starts))
        assert len({track.number for track in of}) == len(of)
