"""A token of the tracks: another whenever anything of them is written but how often they were played.

Of which tracks that was written is noted (`db.plays_log`).

Sessions see to it by themselves, whatever it is that writes through them.
"""

import uuid
from typing import Any, Final

from sqlalchemy import bindparam, event, insert, inspect, update
from sqlalchemy.orm import ORMExecuteState, Session

from db.models import Base, Root, Setting, Track
from db.plays_log import PLAYS_LOG, note_plays

TRACKS_TOKEN, VECTORS_TOKEN = "tracks_token", "vectors_token"
TOKENS: Final = (
    f"SELECT name, value FROM setting WHERE name IN ('{TRACKS_TOKEN}', '{VECTORS_TOKEN}', '{PLAYS_LOG}')"
)
"""Asked with every request: as it is, it costs a tenth."""
OF_PLAYS: Final = frozenset(("plays", "last_played"))
OF_ROWS: Final = (Track.__tablename__, Root.__tablename__)
"""What is shown of a track stands there."""
PLAYS_ONLY: Final = "plays_only"
"""An option of a statement on tracks that writes nothing but `OF_PLAYS`, which its caller notes."""


_SETTINGS: Final = Base.metadata.tables[Setting.__tablename__]
_CHANGED: Final = (
    update(_SETTINGS)
    .where(_SETTINGS.c.name == bindparam("token_name"))
    .values(value=bindparam("token"))
    .returning(_SETTINGS.c.name)
)
"""Of the table: where the session looks for objects of its own to change, it takes ten times as long."""


class CatalogSession(Session):
    """A session that renews the token."""


def tokens_of(session: Session) -> dict[str, str]:
    """Return the tokens of the catalogue, of its vectors and of its tracks, and its log of plays, by name."""
    return {name: value for name, value in session.connection().exec_driver_sql(TOKENS)}  # noqa: C416


def renew_token(session: Session, name: str) -> None:
    """Give a token of the catalogue another value."""
    token = uuid.uuid4().hex
    if session.scalar(_CHANGED, {"token_name": name, "token": token}) is None:
        session.execute(insert(Setting).values(name=name, value=token))


@event.listens_for(CatalogSession, "before_flush")
def _of_objects(session: Session, _context: Any, _instances: Any) -> None:
    written = (*session.new, *session.deleted, *(one for one in session.dirty if isinstance(one, Root)))
    dirty = [(one.id, inspect(one).committed_state) for one in session.dirty if isinstance(one, Track)]
    if any(isinstance(one, (Root, Track)) for one in written) or any(
        was.keys() - OF_PLAYS for _, was in dirty
    ):
        _renew(session)
    elif played := [track_id for track_id, was in dirty if was]:
        note_plays(session, played)


@event.listens_for(CatalogSession, "do_orm_execute")
def _of_statements(state: ORMExecuteState) -> None:
    if not (state.is_insert or state.is_update or state.is_delete):
        return
    table = getattr(state.statement, "table", None)
    plays_only = state.execution_options.get(PLAYS_ONLY) or state.statement.get_execution_options().get(
        PLAYS_ONLY
    )
    if getattr(table, "name", None) in OF_ROWS and not plays_only:
        _renew(state.session)


def _renew(session: Session) -> None:
    """Renew the token, once a transaction."""
    if session.info.get(TRACKS_TOKEN) is not session.get_transaction():
        session.info[TRACKS_TOKEN] = session.get_transaction()
        renew_token(session, TRACKS_TOKEN)
