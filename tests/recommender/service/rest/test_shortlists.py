"""Shortlists over HTTP: made, changed, kept, and as files, each by value."""

import csv
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import av
import mutagen
import numpy as np
import pytest

from classifier.audio.excerpt import read_excerpt
from recommender import params
from recommender.service.access import AccessSettings
from recommender.service.shared import Kind
from tests.databases import KINDS, query
from tests.recommender.service.conftest import Service, serving
from tests.recommender.support import Library

PASSAGE = {"query_start_s": 0.5, "query_end_s": 3.5, "match_start_s": 3.25, "match_end_s": 33.25}
LONG, SHORT, THIRD = "folk/iota.flac", "rock/beta.flac", "jazz/delta.wav"


def made(service: Service, *entries: dict[str, Any], name: str = "Dinner scene") -> Any:
    answer = service.client.post("/api/shortlists", json={"name": name, "entries": list(entries)})
    assert answer.status_code == 201, answer.text
    return answer.json()


def three(service: Service) -> Any:
    """Make a shortlist of three songs."""
    return made(service, *({"track_id": service.id_of(name)} for name in (LONG, SHORT, THIRD)))


def order(shown: Any) -> list[int]:
    return [one["entry_id"] for one in shown["entries"]]


@pytest.mark.databases(*KINDS)
def test_a_shortlist_is_made_shown_and_kept(own: Service) -> None:
    song, found_by = own.id_of(LONG), own.id_of(SHORT)
    whole = {
        "track_id": song,
        "query_track_id": found_by,
        **PASSAGE,
        "similarity": 0.875,
        "note": "ü\nno voice",
    }
    shown = made(own, whole, {"track_id": found_by})
    at = f"/api/shortlists/{shown['shortlist_id']}"
    assert own.get(at) == shown
    assert (shown["name"], shown["songs"]) == ("Dinner scene", 2)
    assert shown["duration_s"] == pytest.approx(36 + 4.5, abs=0.1)
    first, second = shown["entries"]
    assert {name: first[name] for name in (*PASSAGE, "similarity", "note")} == {
        **PASSAGE,
        "similarity": 0.875,
        "note": "ü\nno voice",
    }
    assert first["query_name"] == "Ann Arbor - Beta Motion"
    tracks = {track["track_id"]: track for track in own.get("/api/tracks?limit=50")["tracks"]}
    assert (first["track"], first["query"]) == (tracks[song], tracks[found_by])
    assert (second["query"], second["query_name"], second["similarity"]) == (None, "", None)
    listed = own.get("/api/shortlists")["shortlists"]
    assert listed == [{name: shown[name] for name in listed[0]}]
    query(own.library.home, "UPDATE track SET label = 'Mine' WHERE id = ?", song)
    assert own.get(at)["entries"][0]["track"]["label"] == "Mine"
    query(own.library.home, "UPDATE track SET missing = ? WHERE id = ?", True, found_by)
    (left,) = own.get(at)["entries"]
    assert (left["query"], left["query_name"]) == (None, "Ann Arbor - Beta Motion")


@pytest.mark.databases(*KINDS)
def test_a_shortlist_is_changed(own: Service) -> None:
    shown = three(own)
    at, (a, b, c) = f"/api/shortlists/{shown['shortlist_id']}", order(shown)
    assert own.client.put(at, json={"name": "Titles\0"}).json()["name"] == "Titles"
    assert order(own.client.put(at, json={"entry_ids": [c, b, a]}).json()) == [c, b, a]
    moved = own.client.put(f"{at}/entries/{a}", json={"place": 0, "note": "opening"})
    assert (moved.status_code, moved.json()["note"]) == (200, "opening")
    assert order(own.get(at)) == [a, c, b]
    assert own.client.delete(f"{at}/entries/{c}").status_code == 204
    more = own.client.post(f"{at}/entries", json={"entries": [{"track_id": own.id_of(LONG)}] * 2})
    assert more.status_code == 201
    d, e = (one["entry_id"] for one in more.json()["entries"])
    assert order(own.get(at)) == [a, b, d, e]
    assert len({a, b, c, d, e}) == 5
    assert own.client.delete(at).status_code == 204
    assert own.client.get(at).status_code == 404
    assert own.get("/api/shortlists") == {"shortlists": []}


def test_what_is_not_there_is_a_problem_and_changes_nothing(own: Service) -> None:
    shown, other = three(own), made(own, {"track_id": own.id_of(LONG)}, name="other")
    at, its = f"/api/shortlists/{shown['shortlist_id']}", order(shown)
    (foreign,) = order(other)
    song = own.id_of(LONG)
    asked = (
        ("PUT", at, {"entry_ids": [foreign]}, 404),
        ("PUT", at, {"entry_ids": [its[0], its[0]]}, 404),
        ("PUT", f"{at}/entries/{foreign}", {"note": "x"}, 404),
        ("DELETE", f"{at}/entries/{foreign}", None, 404),
        ("POST", f"{at}/entries", {"entries": []}, 422),
        ("POST", f"{at}/entries", {"entries": [{"track_id": song}, {"track_id": 999}]}, 404),
        ("POST", f"{at}/entries", {"entries": [{"track_id": song, "query_track_id": 999}]}, 404),
        ("POST", f"{at}/entries", {"entries": [{"track_id": song, "match_start_s": 3}]}, 422),
        (
            "POST",
            f"{at}/entries",
            {"entries": [{"track_id": song, "match_start_s": 3, "match_end_s": 3}]},
            422,
        ),
        ("POST", f"{at}/entries", {"entries": [{"track_id": song, "similarity": 1.5}]}, 422),
        ("POST", f"{at}/entries", {"entries": [{"track_id": song, "notes": ""}]}, 422),
        ("POST", f"{at}/entries", {"entries": [{"track_id": song, "note": "x" * 5001}]}, 422),
        ("POST", "/api/shortlists", {"name": ""}, 422),
        ("POST", "/api/shortlists", {"name": "x", "entries": [{"track_id": 999}]}, 404),
        ("GET", "/api/shortlists/999", None, 404),
        ("DELETE", "/api/shortlists/999", None, 404),
        *(("GET", f"/api/shortlists/999.{end}", None, 404) for end in ("csv", "m3u8", "html", "zip")),
    )
    for method, path, body, status in asked:
        answer = own.client.request(method, path, json=body)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), (
            path
        )
    assert own.get(at) == shown
    assert len(own.get("/api/shortlists")["shortlists"]) == 2


def test_a_shortlist_holds_so_many_songs(own: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(params, "LONGEST_SHORTLIST", 3)
    shown = three(own)
    at = f"/api/shortlists/{shown['shortlist_id']}"
    refused = own.client.post(f"{at}/entries", json={"entries": [{"track_id": own.id_of(LONG)}]})
    assert (refused.status_code, refused.json()["detail"]) == (409, "a shortlist holds no more than 3 songs")
    assert own.get(at) == shown


def test_as_a_table(own: Service) -> None:
    whole = {"track_id": own.id_of(LONG), "query_track_id": own.id_of(SHORT), **PASSAGE, "similarity": 0.875}
    shown = made(own, {**whole, "note": "=1+1"}, name='=a"/\r\nü')
    answer = own.client.get(f"/api/shortlists/{shown['shortlist_id']}.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "filename*=UTF-8''%3Da____%C3%BC.csv" in answer.headers["content-disposition"]
    (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    entry = shown["entries"][0]
    assert row == {
        "number": "1",
        "title": "Iota",
        "artist": "Frida",
        "album": "",
        "path": str(own.library.music / LONG),
        "start_s": "3.25",
        "end_s": "33.25",
        "query": "Ann Arbor - Beta Motion",
        "query_start_s": "0.5",
        "query_end_s": "3.5",
        "duration_s": str(entry["track"]["duration_s"]),
        "tempo_bpm": str(entry["track"]["tempo_bpm"] or ""),
        "key": entry["track"]["key"] or "",
        "label": entry["track"]["verdict"],
        "similarity": "0.875",
        "note": "'=1+1",
    }


def lines(content: str) -> list[str]:
    return [line for line in content.splitlines() if not line.startswith("#")]


def test_as_a_playlist_by_each_kind_of_name(own: Service) -> None:
    shown, names = three(own), (LONG, SHORT, THIRD)
    ids = [own.id_of(name) for name in names]
    kept = own.client.post("/api/playlists", json={"name": "same", "track_ids": ids}).json()
    expected = {
        "absolute": [str(own.library.music / name) for name in names],
        "relative": list(names),
        "addresses": [f"http://127.0.0.1/api/tracks/{i}/audio" for i in ids],
    }
    for at in (f"/api/shortlists/{shown['shortlist_id']}", f"/api/playlists/{kept['playlist_id']}"):
        assert lines(own.client.get(f"{at}.m3u8").text) == expected["absolute"]
        for paths, wanted in expected.items():
            answer = own.client.get(f"{at}.m3u8?paths={paths}")
            assert lines(answer.text) == wanted
            assert answer.text.splitlines()[:2] == ["#EXTM3U", "#EXTINF:36,Frida - Iota"]
        assert own.client.get(f"{at}.m3u8?paths=none").status_code == 422
    for path, address in zip(expected["absolute"], expected["addresses"], strict=True):
        assert own.client.get(address.removeprefix("http://127.0.0.1")).content == Path(path).read_bytes()


def test_addresses_are_those_below_a_prefix(library: Library) -> None:
    with serving(library, AccessSettings(root_path="/music")) as service:
        shown = made(service, {"track_id": service.id_of(LONG)})
        answer = service.client.get(f"/api/shortlists/{shown['shortlist_id']}.m3u8?paths=addresses")
        (line,) = lines(answer.text)
        assert line == f"http://127.0.0.1/music/api/tracks/{service.id_of(LONG)}/audio"
        assert service.client.get(line.removeprefix("http://127.0.0.1")).status_code == 200


def test_as_a_sheet(own: Service) -> None:
    shown = made(own, {"track_id": own.id_of(LONG), "note": "<b>quiet"}, name="<i>x")
    answer = own.client.get(f"/api/shortlists/{shown['shortlist_id']}.html")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "&lt;b&gt;quiet" in answer.text and "<title>&lt;i&gt;x</title>" in answer.text
    for part in ("sheet.css", "sheet.js"):
        assert f'"../../static/{part}"' in answer.text
        assert own.client.get(f"/static/{part}").status_code == 200


def unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def samples_of(content: bytes) -> tuple[int, np.ndarray]:
    with av.open(io.BytesIO(content)) as container:
        rate = container.streams.audio[0].rate
        resampler = av.AudioResampler("fltp")
        frames = [*container.decode(audio=0), None]
        parts = [part.to_ndarray() for frame in frames for part in resampler.resample(frame)]
    return rate, np.concatenate(parts, axis=1).T


def test_excerpts_are_the_passages(own: Service) -> None:
    names = (LONG, "rock/alpha.mp3", "kappa.flac")
    entries = [{"track_id": own.id_of(name), "note": "no voice"} for name in names]
    entries[0] |= PASSAGE
    shown = made(own, *entries, name="Dinner: scene")
    answer = own.client.get(f"/api/shortlists/{shown['shortlist_id']}.zip")
    assert answer.headers["content-type"] == "application/zip"
    assert "filename*=UTF-8''Dinner_%20scene.zip" in answer.headers["content-disposition"]
    files = unpacked(answer.content)
    assert list(files) == ["01 Frida - Iota.flac", "02 Ann Arbor - Alpha Rising.flac", "03 kappa.flac"]
    spans = [(3.25, 33.25), (0.0, 4.0), (0.0, 4.0)]
    for (content, name), (start_s, end_s) in zip(zip(files.values(), names, strict=True), spans, strict=True):
        rate, samples = samples_of(content)
        expected = read_excerpt(own.library.music / name, start_s, end_s)
        assert rate == expected.rate_hz
        assert len(samples) == pytest.approx(len(expected.samples), abs=rate / 10)
        both = min(len(samples), len(expected.samples))
        assert np.abs(samples[:both] - expected.samples[:both]).max() <= 1.01 / 2**15
    assert (
        len(samples_of(files["01 Frida - Iota.flac"])[1]) == 30 * samples_of(files["01 Frida - Iota.flac"])[0]
    )
    tags = mutagen.File(io.BytesIO(files["01 Frida - Iota.flac"])).tags  # type: ignore[union-attr]
    said = {"title": "Iota", "artist": "Frida", "comment": "Excerpt 0:03-0:33. no voice"}
    assert {name: tags[name][0] for name in said} == said


def test_excerpts_as_mp3(own: Service) -> None:
    song = own.id_of(LONG)
    shown = made(own, {"track_id": song, **PASSAGE}, {"track_id": song, **PASSAGE})
    files = unpacked(own.client.get(f"/api/shortlists/{shown['shortlist_id']}.zip?format=mp3").content)
    assert list(files) == ["01 Frida - Iota.mp3", "02 Frida - Iota.mp3"]
    rate, samples = samples_of(files["01 Frida - Iota.mp3"])
    expected = read_excerpt(own.library.music / LONG, 3.25, 33.25).samples
    assert len(samples) / rate == pytest.approx(30, abs=0.1)
    middle = slice(rate, rate + 5 * rate)
    mono, wanted = samples[:, 0], expected.mean(axis=1)
    lags = range(-1250, 1251)  # an encoder's delay
    best = max(np.corrcoef(np.roll(mono, lag)[middle], wanted[middle])[0, 1] for lag in lags)
    assert best > 0.98
    raw = mutagen.File(io.BytesIO(files["01 Frida - Iota.mp3"]))
    assert (raw.tags["TIT2"].text, raw.tags["TPE1"].text) == (["Iota"], ["Frida"])  # type: ignore[union-attr]


def test_what_cannot_be_cut_is_named_in_the_archive(own: Service) -> None:
    shown = three(own)
    (own.library.music / SHORT).write_bytes(b"no audio" * 1000)
    os.remove(own.library.music / THIRD)
    files = unpacked(own.client.get(f"/api/shortlists/{shown['shortlist_id']}.zip").content)
    assert list(files) == ["01 Frida - Iota.flac", "left out.txt"]
    said = files["left out.txt"].decode().splitlines()
    assert [line.split(":")[0] for line in said] == [
        "02 Ann Arbor - Beta Motion",
        "03 Café Müller - Delta Blues",
    ]
    assert "gone" in said[1]
    assert own.state.board.total(Kind.TRANSCODED) == 0


def test_an_archive_counts_as_a_song_that_is_encoded(own: Service) -> None:
    at = f"/api/shortlists/{three(own)['shortlist_id']}.zip"
    for _ in range(params.MOST_TRANSCODED):
        assert own.state.board.take(Kind.TRANSCODED, params.MOST_TRANSCODED)
    busy = own.client.get(at)
    assert (busy.status_code, busy.headers["content-type"]) == (503, "application/problem+json")
    own.state.board.give_back(Kind.TRANSCODED)
    assert own.client.head(at).status_code == 200
    assert len(unpacked(own.client.get(at).content)) == 3
    assert own.state.board.total(Kind.TRANSCODED) == params.MOST_TRANSCODED - 1
