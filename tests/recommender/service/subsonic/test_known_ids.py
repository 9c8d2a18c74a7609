"""Ids of albums and artists lead to what they are of, as it is now."""

from sqlalchemy import update

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
    assert code(own, f"star?albumId={album}&artistId={artist}") is None, (
        "what changes something knows it, too"
    )
    assert code(own, f"star?albumId={album_id('One', 'First')}") == 70
