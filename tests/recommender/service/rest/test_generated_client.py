"""A client that openapi-python-client makes of the description, used as a program would use it."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from tests.recommender.service.conftest import PROGRAM, Server, running
from tests.recommender.support import SONGS, Library

PACKAGE = "generated_deepcuts_client"
BINARY = ("audio/*", "audio/wav", "audio/x-mpegurl", "application/zip", "image/png", "image/jpeg")
"""What the generator is told to take for bytes, as docs/SERVICE.md says."""


@pytest.fixture(scope="module")
def described(
    ingested: Library, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Library]]:
    """A server on a library of its own."""
    library = ingested.clone(tmp_path_factory.mktemp("generated"))
    with running(library.home) as server:
        yield server, library


@pytest.fixture(scope="module")
def generated(described: tuple[Server, Library], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The functions of a client that was made without a single warning, by their names."""
    folder = tmp_path_factory.mktemp("client")
    schema, config = folder / "openapi.json", folder / "config.json"
    schema.write_bytes(httpx2.get(f"{described[0].url}/openapi.json").content)
    overrides = dict.fromkeys(BINARY, "application/octet-stream")
    config.write_text(json.dumps({"content_type_overrides": overrides, "post_hooks": []}))
    command = [
        sys.executable,
        "-m",
        "openapi_python_client",
        "generate",
        "--path",
        schema,
        "--config",
        config,
    ]
    options = ["--output-path", folder / PACKAGE, "--meta", "none", "--fail-on-warning"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    try:
        names = [file for file in (folder / PACKAGE / "api").glob("*/*.py") if file.stem != "__init__"]
        assert len(names) == len({name.stem for name in names})
        found = {f.stem: importlib.import_module(f"{PACKAGE}.api.{f.parent.name}.{f.stem}") for f in names}
        parts = {name: importlib.import_module(f"{PACKAGE}.{name}") for name in ("models", "types", "client")}
        yield SimpleNamespace(**found, **parts)
    finally:
        sys.path.remove(str(folder))


@pytest.fixture
def client(described: tuple[Server, Library], generated: Any) -> Iterator[Any]:
    with generated.client.Client(described[0].url, headers=PROGRAM, timeout=60) as opened:
        yield opened


def row(library: Library, name: str) -> int:
    found: int = library.row(name)["id"]
    return found


def test_it_pages_through_all_tracks(generated: Any, client: Any) -> None:
    seen: list[str] = []
    by_title = generated.models.ListTracksSort.TITLE
    offset: int | None = 0
    while offset is not None:
        page = generated.list_tracks.sync(client=client, limit=4, offset=offset, sort=by_title)
        seen += [track.title for track in page.tracks]
        offset = page.next_offset
    assert seen == sorted((title or "kappa" for _, title, _, _ in SONGS.values()), key=str.casefold)


def test_it_asks_for_similar_songs(generated: Any, client: Any, described: tuple[Server, Library]) -> None:
    library = described[1]
    asked = row(library, "rock/alpha.mp3")
    found = generated.similar_to_track.sync(asked, client=client, n=4, explain=True)
    wanted = library.similar(str(asked), "-n", "4")["results"]
    assert [(s.track_id, s.similarity) for s in found.results] == [
        (s["track_id"], s["similarity"]) for s in wanted
    ]
    assert found.query.track_id == asked and found.results[0].reasons.words
    none = generated.similar_to_track.sync(999, client=client)
    assert (type(none), none.status, none.detail) == (
        generated.models.Problem,
        404,
        "no track has the id 999",
    )


def test_it_sends_a_file(generated: Any, client: Any, described: tuple[Server, Library]) -> None:
    library = described[1]
    path: Path = library.music / "rock/alpha.mp3"
    with path.open("rb") as file:
        sent = generated.types.File(payload=file, file_name="sent.mp3", mime_type="audio/mpeg")
        body = generated.models.SimilarToFileBody(file=sent)
        found = generated.similar_to_file.sync(client=client, body=body, n=3)
    assert found.query.track_id == row(library, "rock/alpha.mp3")
    assert [s.track_id for s in found.results] == [
        s["track_id"] for s in library.similar(str(found.query.track_id), "-n", "3")["results"]
    ]


def test_it_makes_a_playlist_stars_and_plays(
    generated: Any, client: Any, described: tuple[Server, Library]
) -> None:
    library = described[1]
    ids = [row(library, "rock/beta.flac"), row(library, "rock/alpha.mp3")]
    wanted = generated.models.NewPlaylist(name="generated", track_ids=ids)
    made = generated.create_playlist.sync(client=client, body=wanted)
    assert [track.track_id for track in made.tracks] == ids
    assert made.created.utcoffset() == timedelta(0)
    listed = generated.list_playlists.sync(client=client).playlists
    assert [(one.playlist_id, one.songs) for one in listed] == [(made.playlist_id, 2)]
    file = generated.get_playlist_file.sync(made.playlist_id, client=client)
    assert str(library.music / "rock/beta.flac").encode() in file.payload.read()
    assert generated.star_track.sync(ids[0], client=client).starred.utcoffset() == timedelta(0)
    rating = generated.models.NewRating(rating=5)
    assert generated.rate_track.sync(ids[0], client=client, body=rating).rating == 5
    played = generated.count_play.sync(ids[0], client=client)
    assert played.plays == 1 and played.last_played.utcoffset() == timedelta(0)
    favourite = generated.list_favourites.sync(client=client).tracks[0]
    assert (favourite.track_id, favourite.rating, favourite.last_played) == (ids[0], 5, played.last_played)


def test_it_makes_a_shortlist(generated: Any, client: Any, described: tuple[Server, Library]) -> None:
    library = described[1]
    ids = [row(library, "rock/beta.flac"), row(library, "rock/alpha.mp3")]
    entries = [generated.models.EntryToAdd(track_id=i, similarity=0.5, note="quiet") for i in ids]
    made = generated.create_shortlist.sync(
        client=client, body=generated.models.NewShortlist(name="scene", entries=entries)
    )
    assert [(one.track.track_id, one.similarity, one.note) for one in made.entries] == [
        (i, 0.5, "quiet") for i in ids
    ]
    change = generated.models.EntryChange(place=1)
    first = made.entries[0].entry_id
    generated.change_shortlist_entry.sync(made.shortlist_id, first, client=client, body=change)
    shown = generated.get_shortlist.sync(made.shortlist_id, client=client)
    assert [one.entry_id for one in shown.entries] == [made.entries[1].entry_id, first]
    archive = generated.get_shortlist_excerpts.sync(made.shortlist_id, client=client)
    assert archive.payload.read(2) == b"PK"
    assert "Alpha Rising" in generated.get_shortlist_table.sync(made.shortlist_id, client=client)


def test_it_takes_the_audio(generated: Any, client: Any, described: tuple[Server, Library]) -> None:
    library = described[1]
    audio = generated.get_audio.sync(row(library, "rock/beta.flac"), client=client)
    assert audio.payload.read() == (library.music / "rock/beta.flac").read_bytes()
