"""Two syncs at once: what one has read is not taken in after what another has."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from db.connections import known_songs_of
from db.models import Track
from recommender.commands.sync import sync_one
from recommender.connections import chosen
from recommender.connections.chosen import connection_named
from recommender.connections.taking import take_in
from recommender.connections.values import RemoteSong, SongState
from recommender.home import Home
from tests.recommender.connections.fakes import FakeRemote, fill, song


def played(times: int) -> RemoteSong:
    return song("a", state=SongState(plays=times))


@dataclass
class Slow(FakeRemote):
    """A server that is read slowly: before the end of the first time, another sync is done."""

    home: Home | None = None
    reads: int = 0

    def songs(self) -> Iterator[RemoteSong]:
        self.reads += 1
        yield played(5 if self.reads > 1 else 3)
        if self.reads == 1 and self.home is not None:
            take_in(self.home.existing_catalog(), "nas", [played(5)])


def test_what_was_read_before_another_sync_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home", None)
    catalog = home.catalog()
    ids = fill(catalog)
    with catalog.transaction() as session:
        connection = connection_named(session, "nas")
    remote = Slow(home=home)
    monkeypatch.setattr(chosen, "opened", lambda *_: closing(remote))
    for reads in (2, 3):
        sync_one(home, connection, dry_run=False, quiet=True)
        assert remote.reads == reads
        with catalog.transaction() as session:
            assert session.get_one(Track, ids["a"]).plays == 5
            assert known_songs_of(session, "nas")["ra"].plays == 5
            connection = connection_named(session, "nas")
    home.close()
