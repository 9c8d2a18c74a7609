"""How far an ingest is, kept in the catalogue, where every process of a service sees it."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete
from sqlalchemy.orm import Session

from db.models import Setting
from db.values import utc_now

NAME: Final = "ingest_progress"
LASTS: Final = timedelta(minutes=5)
"""What was noted longer ago is of an ingest that was killed."""


@dataclass(frozen=True)
class IngestProgress:
    """Files that an ingest has done, of those that it has found to do."""

    done: int
    found: int


def note_progress(session: Session, progress: IngestProgress) -> None:
    """Note how far an ingest is."""
    value = json.dumps({**asdict(progress), "at": utc_now().isoformat()})
    session.merge(Setting(name=NAME, value=value))


def clear_progress(session: Session) -> None:
    """Note that no ingest is running."""
    session.execute(delete(Setting).where(Setting.name == NAME))


def ingest_progress(session: Session) -> IngestProgress | None:
    """Return how far an ingest is that is running; None where none is."""
    noted = session.get(Setting, NAME)
    if noted is None:
        return None
    try:
        said = json.loads(noted.value)
        at, found = datetime.fromisoformat(said["at"]), IngestProgress(int(said["done"]), int(said["found"]))
    except (KeyError, TypeError, ValueError):  # another version's
        return None
    return found if utc_now() - at < LASTS else None
