"""Audio over HTTP: bytes, ranges and conditions, and only files of the catalogue."""

import email
import os
import shutil
from pathlib import Path

import pytest
import zstandard
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from recommender.service.http.file_response import file_answer
from recommender.service.http.ranges import ByteRange, parse_ranges
from tests.recommender.service.conftest import Service

SONG = "rock/beta.flac"


@pytest.fixture(scope="module")
def url(service: Service) -> str:
    return f"/api/tracks/{service.id_of(SONG)}/audio"


@pytest.fixture(scope="module")
def content(service: Service) -> bytes:
    return (service.library.music / SONG).read_bytes()


def test_the_whole_file(service: Service, url: str, content: bytes) -> None:
    answer = service.client.get(url)
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-type"] == "audio/flac"
    assert answer.headers["accept-ranges"] == "bytes"
    assert int(answer.headers["content-length"]) == len(content)
    assert answer.headers["x-content-type-options"] == "nosniff"
    head = service.client.head(url, headers={"Range": "bytes=0-1"})
    assert (head.status_code, head.content) == (200, b"")
    different = {k for k in head.headers if head.headers[k] != answer.headers[k]}
    assert different == set()


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, None),
        ("bytes=-7", -7, None),
        ("bytes=5-99999999999", 5, None),
        ("bytes=-99999999999", 0, None),
        ("BYTES = 3-4".replace(" ", ""), 3, 5),
        ("bytes=1-2,99999999-", 1, 3),
    ],
)
def test_one_range(
    service: Service, url: str, content: bytes, asked: str, start: int, end: int | None
) -> None:
    answer = service.client.get(url, headers={"Range": asked})
    expected = content[start:end]
    first = start if start >= 0 else len(content) + start
    assert (answer.status_code, answer.content) == (206, expected)
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(expected) - 1}/{len(content)}"


def test_several_ranges(service: Service, url: str, content: bytes) -> None:
    answer = service.client.get(url, headers={"Range": "bytes=0-9, 20-29,-3"})
    assert answer.status_code == 206
    assert int(answer.headers["content-length"]) == len(answer.content)
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    parts = email.message_from_bytes(head + answer.content).get_payload()
    found = [(p["content-range"], p.get_content_type(), p.get_payload(decode=True)) for p in parts]
    size = len(content)
    assert [(r, t) for r, t, _ in found] == [
        (f"bytes 0-9/{size}", "audio/flac"),
        (f"bytes 20-29/{size}", "audio/flac"),
        (f"bytes {size - 3}-{size - 1}/{size}", "audio/flac"),
    ]
    for one in (content[:10], content[20:30], content[-3:]):
        assert b"\r\n\r\n" + one + b"\r\n--" in answer.content


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=99999999-999999999,99999990-", "bytes=-0"])
def test_a_range_outside_the_file(service: Service, url: str, content: bytes, asked: str) -> None:
    answer = service.client.get(url, headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(content)}"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "asked",
    ["items=0-1", "bytes", "bytes=", "bytes=-", "bytes=5-2", "bytes=a-b", "bytes=1-2;3-4", "bytes=--1",
     "bytes=" + ",".join(["0-"] * 3), "bytes=" + ",".join(["0-1"] * 17), "bytes=٣-٤".encode()],
)  # fmt: skip
def test_ranges_that_cannot_be_answered_give_the_whole_file(
    service: Service, url: str, content: bytes, asked: str
) -> None:
    answer = service.client.get(url, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, content)


@given(st.integers(1, 50), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=4))
def test_ranges_are_the_bytes_asked_for(size: int, asked: list[tuple[int, int]]) -> None:
    """Against every byte's own number."""
    spans = [(min(pair), max(pair)) for pair in asked]
    header = "bytes=" + ",".join(f"{first}-{last}" for first, last in spans)
    found = parse_ranges(header, size, 16)
    expected = [[i for i in range(size) if first <= i <= last] for first, last in spans]
    expected = [one for one in expected if one]
    if found is None:
        assert not spans or sum(map(len, expected)) > size
    else:
        assert [list(range(one.start, one.end)) for one in found] == expected
        assert all(isinstance(one, ByteRange) for one in found)


def test_conditions(service: Service, url: str, content: bytes) -> None:
    first = service.client.get(url)
    etag, modified = first.headers["etag"], first.headers["last-modified"]
    early, late = "Mon, 01 Jan 2001 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"

    def ask(status: int, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = service.client.get(url, headers=named)
        assert answer.status_code == status, headers
        if status == 304:
            assert answer.content == b"" and answer.headers["etag"] == etag

    for unchanged in (etag, f'"other", W/{etag}', "*"):
        ask(304, if_none_match=unchanged)
    ask(200, if_none_match='"other"', if_modified_since=late)  # the tag counts
    ask(304, if_modified_since=modified)
    ask(200, if_modified_since=early)
    ask(200, if_modified_since="nonsense")
    ask(412, if_match='"other"')
    ask(412, if_match=f"W/{etag}")
    ask(200, if_match=etag)
    ask(412, if_unmodified_since=early)
    ask(206, range="bytes=0-1", if_range=etag)
    ask(206, range="bytes=0-1", if_range=modified)
    ask(200, range="bytes=0-1", if_range=f"W/{etag}")
    ask(200, range="bytes=0-1", if_range=early)
    ask(304, range="bytes=0-1", if_none_match=etag)


def test_download_names_the_file(service: Service, url: str) -> None:
    answer = service.client.get(url, params={"download": True})
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"beta.flac\"; filename*=UTF-8''beta.flac"
    )


def test_the_file_that_was_checked_is_sent_whatever_lies_there_by_then(tmp_path: Path) -> None:
    song = tmp_path / "song.flac"
    song.write_bytes(b"checked" * 100)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        file = open(song, "rb", buffering=0)
        song.unlink()
        song.write_bytes(b"another" * 100)
        await file_answer(file, song.name, Request(scope | {"app": FastAPI()}))(scope, receive, send)
        assert file.closed

    answer = TestClient(app).get("/", headers={"Range": "bytes=0-6,14-20"})
    assert (answer.status_code, answer.content.count(b"checked")) == (206, 2)
    assert b"another" not in answer.content


def swap(path: Path, target: Path) -> None:
    path.unlink()
    path.symlink_to(target)


@pytest.mark.parametrize("what", ["file", "folder", "dangling", "pipe", "directory"])
def test_what_is_put_in_a_tracks_place_is_not_served(own: Service, tmp_path: Path, what: str) -> None:
    song = own.library.music / SONG
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / song.name).write_bytes(b"secret" * 100)
    if what == "file":
        swap(song, outside / song.name)
    elif what == "folder":
        shutil.rmtree(song.parent)
        song.parent.symlink_to(outside)
    elif what == "dangling":
        swap(song, outside / "nothing")
    elif what == "pipe":
        song.unlink()
        os.mkfifo(song)
    else:
        song.unlink()
        song.mkdir()
    answer = own.client.get(f"/api/tracks/{own.id_of(SONG)}/audio")
    assert answer.status_code == (404 if what in ("dangling", "directory") else 409)
    assert b"secret" not in answer.content


def test_a_file_edited_in_place_is_served(own: Service) -> None:
    song = own.library.music / SONG
    song.write_bytes(b"edited" + song.read_bytes())
    answer = own.client.get(f"/api/tracks/{own.id_of(SONG)}/audio")
    assert (answer.status_code, answer.content[:6]) == (200, b"edited")


def test_a_link_that_was_ingested_is_served_as_long_as_it_leads_to_the_same(
    own: Service, tmp_path: Path
) -> None:
    song = own.library.music / SONG
    kept = tmp_path / "elsewhere.flac"
    shutil.move(song, kept)
    song.symlink_to(kept)  # size and time are those that are catalogued
    assert own.client.get(f"/api/tracks/{own.id_of(SONG)}/audio").status_code == 200
    kept.write_bytes(b"another")
    assert own.client.get(f"/api/tracks/{own.id_of(SONG)}/audio").status_code == 409


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_text_is_compressed_and_sound_is_not(service: Service, coding: str) -> None:
    headers = {"Accept-Encoding": coding}
    song = service.id_of("rock/beta.flac")
    for path in (
        "/api/tracks",
        "/rest/search3?query=&f=json",
        "/rest/search3?query=",
        "/static/style.css",
        "/openapi.json",
    ):
        packed = service.client.get(path, headers=headers)
        plain = service.client.get(path, headers={"Accept-Encoding": "identity"})
        assert packed.headers["Content-Encoding"] == coding, path
        assert "Content-Encoding" not in plain.headers
        assert "Accept-Encoding" in packed.headers["Vary"]
        content = packed.content
        if coding == "zstd":  # which the client does not unpack
            content = zstandard.ZstdDecompressor().decompressobj().decompress(content)
        assert content == plain.content
    for path in (f"/rest/stream?id={song}", f"/api/tracks/{song}/audio", f"/rest/getCoverArt?id={song}"):
        answer = service.client.get(path, headers=headers)
        assert "Content-Encoding" not in answer.headers
        assert int(answer.headers["Content-Length"]) == len(answer.content)
    part = service.client.get(f"/rest/stream?id={song}", headers={**headers, "Range": "bytes=10-19"})
    assert (part.status_code, len(part.content)) == (206, 10)
