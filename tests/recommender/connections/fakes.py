"""A catalogue of four songs, and a server of values that does what it is told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from db.connections import add_connection
from db.models import Root
from db.session import Catalog
from recommender.connections.values import RemotePlaylist, RemoteSong
from recommender.errors import ConnectionFailedError, OneRefusedError
from tests.db.rows import new_track

SONGS = ("a", "b", "c", "d")


def fill(catalog: Catalog) -> dict[str, int]:
    """Add four songs, and a connection 'nas'; return the songs' ids."""
    with catalog.transaction() as session:
        root = Root(path="/music")
        tracks = {
            name: new_track(
                session, root, f"x/y/{name}.flac", artist="Ann", title=f"Song {name}", duration_s=100.0
            )
            for name in SONGS
        }
        add_connection(session, "nas", "subsonic", "http://nas")
        session.flush()
        return {name: track.id for name, track in tracks.items()}


def song(name: str, **more: object) -> RemoteSong:
    """Return a song of the server; it lies where the catalogue's does."""
    fields = {"title": f"Song {name}", "artist": "Ann", "duration_s": 100.0} | more
    return RemoteSong(f"r{name}", f"x/y/{name}.flac", **fields)  # type: ignore[arg-type]


@dataclass
class FakeRemote:
    """A server: its lists by their ids, and what goes wrong with it.

    Attributes
    ----------
    refuses
        Names of lists that it does not write.
    dies_in
        The name of a list in whose middle it is ended; it then has the first of its songs.
    longest
        Letters that it keeps of a name.
    """

    lists: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    mine: dict[str, bool] = field(default_factory=dict)
    refuses: Sequence[str] = ()
    dies_in: str = ""
    longest: int = 100
    writes: int = 0

    def check(self) -> str:
        return "fake"

    def songs(self) -> Iterator[RemoteSong]:
        yield from map(song, SONGS)

    def playlists(self) -> list[RemotePlaylist]:
        return [RemotePlaylist(key, name, self.mine.get(key, True)) for key, (name, _) in self.lists.items()]

    def playlist_songs(self, playlist_id: str) -> list[str]:
        return list(self.lists[playlist_id][1])

    def write_playlist(self, playlist_id: str | None, name: str, song_ids: Sequence[str]) -> str:
        self.writes += 1
        if name in self.refuses:
            raise OneRefusedError("not this one")
        key = playlist_id or f"l{len(self.lists)}"
        if name == self.dies_in:
            self.lists[key] = self.lists[key][0], list(song_ids[:1])
            raise ConnectionFailedError("it is gone")
        self.lists[key] = name[: self.longest].strip(), list(song_ids)
        return key

    def set_similar(self, song_id: str, similar: Sequence[str]) -> bool:
        return False

    def close(self) -> None:
        pass
