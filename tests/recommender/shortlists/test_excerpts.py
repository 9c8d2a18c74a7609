"""Excerpts: which seconds, what their files are called, and the tags that are in them."""

import io

import mutagen
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.audio.stream_encode import encoded_excerpt
from recommender.playlist import common_folder, safe_file_name
from recommender.shortlists.excerpts import excerpt_span, tagged
from tests import synth

TAGS = {"title": "Tïtle", "artist": "Ann", "album": "=First", "comment": "Excerpt 0:01-0:31. no\nvoice"}


@pytest.mark.parametrize(
    ("start_s", "duration_s", "span"),
    [
        (0.0, 200.0, (0.0, 30.0)),
        (61.5, 200.0, (61.5, 91.5)),
        (180.0, 200.0, (170.0, 200.0)),
        (5.0, 20.0, (0.0, 20.0)),
        (61.5, None, (61.5, 91.5)),
    ],
)
def test_half_a_minute_within_the_song(
    start_s: float, duration_s: float | None, span: tuple[float, float]
) -> None:
    assert excerpt_span(start_s, duration_s) == span


@pytest.mark.parametrize("format", ["flac", "mp3"])
def test_tags_are_in_the_file(tmp_path: object, format: str) -> None:
    song = synth.write_flac(tmp_path / "song.flac", synth.music_like(2.0, 1))  # type: ignore[operator]
    plain = encoded_excerpt(song, format, None, 0.0, 1.0)
    file = mutagen.File(io.BytesIO(tagged(plain, format, TAGS)), easy=True)
    assert file is not None
    assert {name: file.tags[name][0] for name in ("title", "artist", "album")} == {
        name: TAGS[name] for name in ("title", "artist", "album")
    }
    raw = mutagen.File(io.BytesIO(tagged(plain, format, TAGS)))
    assert raw is not None
    comment = raw.tags["comment"][0] if format == "flac" else raw.tags.getall("COMM")[0].text[0]
    assert comment == TAGS["comment"]
    assert raw.info.length == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("01 Ann - Song", "01 Ann - Song"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ('a<b>c:d"e/f\\g|h?i*j', "a_b_c_d_e_f_g_h_i_j"),
        ("a\r\nb\tc\0", "a__b_c_"),
        ("name. . ", "name"),
        ("…", "…"),
        ("", "_"),
        (" .. ", "_"),
        ("a\u202egpj.exe", "a_gpj.exe"),
        ("e\u0301", "é"),
        ("\udcff", "_"),
        ("ü" * 500, "ü" * 75),
    ],
)
def test_names_of_files_are_safe(words: str, name: str) -> None:
    assert safe_file_name(words) == name


@given(st.text())
def test_any_words_are_a_name_anywhere(words: str) -> None:
    name = safe_file_name(words)
    assert 0 < len(name.encode()) <= 150
    assert not set(name) & set('<>:"/\\|?*\0\r\n')
    assert name == name.strip(" .") or name == "_"


@pytest.mark.parametrize(
    ("folders", "common"),
    [(["/a/b"], "/a/b"), (["/a/b", "/a/c"], "/a"), (["/a/b", "/c"], "/"), ([], "/")],
)
def test_the_folder_of_several_libraries(folders: list[str], common: str) -> None:
    assert common_folder(folders) == common
