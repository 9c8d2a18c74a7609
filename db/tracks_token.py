"""A token of the tracks: another whenever anything of them is written but how often they were played.

Sessions see to it by themselves, whatever it is that writes through them.
"""

import uuid
from typing import Any, Final

from sqlalchemy import event, insert, inspect, update
from sqlalchemy.orm import ORMExecuteState, Session

from db.models import Setting, Track

TRACKS_TOKEN, VECTORS_TOKEN = "tracks_token", "vectors_token"
TOKENS: Final = f"SELECT name, value FROM setting WHERE name IN ('{TRACKS_TOKEN}', '{VECTORS_TOKEN}')"
"""Asked with every request: as it is, it costs a tenth."""
OF_PLAYS: Final = frozenset(("plays", "last_played"))
PLAYS_ONLY: Final = "plays_only"
"""An option of a statement on tracks that writes nothing but `OF_PLAYS`."""


class CatalogSession(Session):
    """A session that renews the token."""


def tokens_of(session: Session) -> dict[str, str]:
    """Return the tokens of the catalogue, of its vectors and of its tracks, by their names."""
    return {name: value for name, value in session.connection().exec_driver_sql(TOKENS)}  # noqa: C416


def renew_token(session: Session, name: str) -> None:
    """Give a token of the catalogue another value."""
    token = uuid.uuid4().hex
    change = update(Setting).where(Setting.name == name).values(value=token)
    if session.scalar(change.returning(Setting.name)) is None:
        session.execute(insert(Setting).values(name=name, value=token))


@event.listens_for(CatalogSession, "before_flush")
def _of_objects(session: Session, _context: Any, _instances: Any) -> None:
    changed = any(isinstance(one, Track) for one in (*session.new, *session.deleted))
    dirty = (one for one in session.dirty if isinstance(one, Track))
    if changed or any(inspect(one).committed_state.keys() - OF_PLAYS for one in dirty):
        _renew(session)


@event.listens_for(CatalogSession, "do_orm_execute")
def _of_statements(state: ORMExecuteState) -> None:
    if not (state.is_insert or state.is_update or state.is_delete):
        return
    table = getattr(state.statement, "table", None)
    plays_only = state.execution_options.get(PLAYS_ONLY) or state.statement.get_execution_options().get(
        PLAYS_ONLY
    )
    if getattr(table, "name", None) == Track.__tablename__ and not plays_only:
        _renew(state.session)


def _renew(session: Session) -> None:
    """Renew the token, once a transaction."""
    if session.info.get(TRACKS_TOKEN) is not session.get_transaction():
        session.info[TRACKS_TOKEN] = session.get_transaction()
        renew_token(session, TRACKS_TOKEN)
