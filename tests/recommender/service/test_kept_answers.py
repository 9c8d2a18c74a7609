"""What is kept of answers and rows is what would be worked out again; any change lets it go."""

from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import event, update
from sqlalchemy.orm import Session

from db.kept import kept_of
from db.models import Track
from db.rows import rows_by_ids
from recommender.service import kept_answers
from recommender.service.state import State
from tests import databases
from tests.recommender.service.conftest import Service, settled
from tests.recommender.support import write_song


@pytest.fixture(autouse=True)
def _settled(own: Service) -> None:
    """Look at nothing while the arrays are made: they ask the catalogue, too."""
    settled(own)


class Statements:
    """Counts what is asked of the catalogue."""

    def __init__(self, state: State) -> None:
        self.count = 0
        event.listen(state.catalog.engine, "before_cursor_execute", self._noted)

    def _noted(self, *_: Any) -> None:
        self.count += 1

    def since(self) -> int:
        found, self.count = self.count, 0
        return found


def like(own: Service, more: str = "") -> Any:
    return own.get(f"/api/tracks/{own.id_of('rock/beta.flac')}/similar?n=5{more}")


def test_an_answer_is_given_again_without_a_look_at_the_catalogue(own: Service) -> None:
    first, statements = like(own), Statements(own.state)
    assert like(own) == first and statements.since() == 0
    assert like(own, "&unplayed=true") and statements.since() > 0
    metrics = own.client.get("/metrics").text
    route = 'route="/api/tracks/{track_id}/similar",status="200"'
    assert f'deepcuts_requests_total{{method="GET",{route}}} 3.0' in metrics


def test_what_any_process_writes_is_seen_at_once(own: Service) -> None:
    before = like(own)
    shown = before["results"][0]["track_id"]
    own.client.post(f"/api/tracks/{shown}/plays")
    assert like(own)["results"][0]["plays"] == before["results"][0]["plays"] + 1
    with closing(databases.home_at(own.library.home)) as home, home.catalog().transaction() as session:
        session.execute(update(Track).where(Track.id == shown).values(title="Another Title"))
    assert like(own)["results"][0]["title"] == "Another Title"


def test_a_new_index_is_seen_at_once(own: Service) -> None:
    def listed() -> set[int]:
        return {match["track_id"] for match in like(own, "5")["results"]}

    before = listed()
    write_song(own.library.music / "rock/new.flac", 77)
    own.library.ingest()
    assert listed() == before  # the index is not taken up yet
    own.state.refresh()
    assert listed() == before | {own.id_of("rock/new.flac")}


def test_errors_are_not_kept(own: Service) -> None:
    own.get("/api/tracks/4711/similar", 404)
    statements = Statements(own.state)
    own.get("/api/tracks/4711/similar", 404)
    assert statements.since() > 0


def test_what_is_kept_is_bounded(own: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = own.client.app.state.answers  # type: ignore[attr-defined]
    monkeypatch.setattr(kept_answers, "KEPT_BYTES", 40_000)
    for n in range(1, 31):
        own.get(f"/api/tracks/{own.id_of('rock/beta.flac')}/similar?n={n % 10 + 1}&per_artist={n}")
    held = list(answers._answers.values())
    assert 1 < len(held) < 30
    assert answers._bytes == sum(len(one.body) + 500 for one in held) <= 40_000


def test_players_are_answered_again_but_not_by_chance(own: Service) -> None:
    def ask(call: str) -> bytes:
        answer = own.client.get(f"/rest/{call}&u=ann&p=any&f=json")
        assert answer.json()["subsonic-response"]["status"] == "ok", answer.text
        return answer.content

    song = own.id_of("rock/beta.flac")
    first = ask(f"getArtistInfo2?id={song}")
    statements = Statements(own.state)
    assert ask(f"getArtistInfo2?id={song}") == first and statements.since() == 0
    ask("getAlbumList2?type=random&size=5")
    statements.since()
    ask("getAlbumList2?type=random&size=5")
    assert statements.since() > 0
    ask(f"scrobble?id={song}")
    statements.since()
    assert ask(f"getArtistInfo2?id={song}") and statements.since() > 0


def test_rows_are_read_once_while_nobody_writes(own: Service) -> None:
    song = own.id_of("rock/beta.flac")
    with own.state.snapshot() as session:
        first = rows_by_ids(session, [song])[song]
    with own.state.snapshot() as session:
        assert rows_by_ids(session, [song])[song] is first
        assert (first.title, first.path) == (
            session.get_one(Track, song).title,
            session.get_one(Track, song).path,
        )
    own.client.post(f"/api/tracks/{song}/plays")
    with own.state.snapshot() as session:
        again = rows_by_ids(session, [song])[song]
    assert (again.plays, first.plays) == (1, 0)


def test_where_somebody_writes_as_a_look_begins_nothing_is_shared(
    own: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    revisions = iter(range(100))
    monkeypatch.setattr(own.state.catalog.revision, "now", lambda: next(revisions))

    def kept(session: Session) -> Any:
        found = kept_of(session)
        assert found is not None
        return found

    with own.state.snapshot() as session:
        one = kept(session)
    with own.state.snapshot() as session:
        assert kept(session) is not one
    assert one.state is None and one.arrays is None
