"""Ids of albums and artists lead to what they are of, as it is now, and are hashed once."""

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from db.browsing import browse
from db.models import Track
from recommender.service.subsonic.serializers import album_id, artist_id
from tests.recommender.service.conftest import Service

ALL = "u=ann&p=any&f=json"


def code(own: Service, call: str) -> int | None:
    answer = own.client.get(f"/rest/{call}&{ALL}").json()["subsonic-response"]
    found: int | None = answer.get("error", {}).get("code")
    return found


def rename(own: Service, artist: str, album: str) -> None:
    with own.state.session() as session:
        changed = update(Track).where(Track.id == own.id_of("rock/beta.flac"))
        session.execute(changed.values(artist=artist, album=album, album_artist=""))


def test_an_id_is_known_as_long_as_there_is_what_it_is_of(own: Service) -> None:
    rename(own, "One", "First")
    album, artist = album_id("One", "First"), artist_id("One")
    assert (code(own, f"getAlbum?id={album}"), code(own, f"getArtist?id={artist}")) == (None, None)
    rename(own, "Two", "Second")
    assert (code(own, f"getAlbum?id={album}"), code(own, f"getArtist?id={artist}")) == (70, 70)
    album, artist = album_id("Two", "Second"), artist_id("Two")
    assert (code(own, f"getAlbum?id={album}"), code(own, f"getArtist?id={artist}")) == (None, None)


def test_names_are_read_again_only_where_something_has_changed(
    own: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Session] = []
    names = browse.album_names

    def noted(session: Session) -> list[tuple[str, str]]:
        read.append(session)
        return names(session)

    monkeypatch.setattr(browse, "album_names", noted)
    for number in range(5):
        assert code(own, f"getAlbum?id=al-{number}") == 70
    assert len(read) == 1
    own.client.get(f"/rest/scrobble?id={own.id_of('rock/beta.flac')}&{ALL}")
    assert code(own, "getAlbum?id=al-0") == 70
    assert len(read) == 2
    rename(own, "One", "First")
    assert code(own, f"getAlbum?id={album_id('One', 'First')}") is None
    assert code(own, f"getArtist?id={artist_id('One')}") is None
    assert len(read) == 3
