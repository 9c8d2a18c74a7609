"""A folder of M3U files: for every player that reads such, and is not asked in another way."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from classifier.errors import in_words
from recommender.connections.credentials import Credentials
from recommender.connections.remotes.http_client import Patience
from recommender.connections.values import RemotePlaylist, RemoteSong, plain_name
from recommender.errors import ConnectionFailedError, OneRefusedError, RecommenderError, TextFileError
from recommender.playlist import PlaylistEntry, write_playlist
from recommender.text_files import lines_of, open_text

ENDINGS: Final = (".m3u8", ".m3u")


class M3uFolder:
    """A folder of this machine; its songs are the files that its lists name, each known by its path.

    Parameters
    ----------
    url
        The folder's path.
    credentials, patience
        As other kinds have them; none is needed.

    Raises
    ------
    ConnectionFailedError
        If it is no folder.
    """

    def __init__(self, url: str, credentials: Credentials, patience: Patience | None = None) -> None:
        self._folder = Path(os.path.abspath(url))
        if not self._folder.is_dir():
            raise ConnectionFailedError(f"{url} is no folder, or is not there: is its disk mounted?")

    def check(self) -> str:
        """Return how many lists there are."""
        return f"a folder of {len(self.playlists())} playlists"

    def songs(self) -> Iterator[RemoteSong]:
        """Yield the files that any list names, each once."""
        paths = {path: None for one in self.playlists() for path in self.playlist_songs(one.id)}
        yield from (RemoteSong(path, path) for path in paths)

    def playlists(self) -> list[RemotePlaylist]:
        """Return the lists, each known by the name of its file."""
        try:
            names = sorted(path.name for path in self._folder.iterdir() if path.suffix.lower() in ENDINGS)
        except OSError as error:
            raise ConnectionFailedError(f"{self._folder} cannot be read: {in_words(error)}") from error
        return [RemotePlaylist(name, os.path.splitext(name)[0]) for name in names]

    def playlist_songs(self, playlist_id: str) -> list[str]:
        """Return the absolute paths of a list's files."""
        path = self._folder / playlist_id
        try:
            with open_text(path) as file:
                lines = [line.strip("\r\n") for line in lines_of(file, path)]
        except (OSError, UnicodeError, TextFileError) as error:
            raise OneRefusedError(f"{path} cannot be read: {error}") from error
        named = [line for line in lines if line.strip() and not line.startswith("#")]
        return [os.path.normpath(os.path.join(self._folder, line)) for line in named]

    def write_playlist(self, playlist_id: str | None, name: str, song_ids: Sequence[str]) -> str:
        """Write a list, whole or not at all, with paths relative to the folder."""
        file = playlist_id or f"{plain_name(name)}{ENDINGS[0]}"
        entries = [PlaylistEntry(path) for path in song_ids]
        try:
            write_playlist(entries, self._folder / file, "m3u8", self._folder)
        except RecommenderError as error:
            raise OneRefusedError(str(error)) from error
        return file

    def set_similar(self, song_id: str, similar: Sequence[str]) -> bool:
        """Return False: a list has no place for it."""
        return False

    def close(self) -> None:
        """Do nothing."""
