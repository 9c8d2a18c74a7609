"""Which of the genres in files' tags persons set, and which were written by ourselves."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from db.models import Track
from db.tag_writes import standing
from recommender.file_tags.genre_fields import GENRE, SEPARATOR, scores_of
from recommender.file_tags.snapshots import tags_of


def set_by_persons(session: Session, tracks: Sequence[Track]) -> list[list[str]]:
    """Return the genres in tracks' files that are not there because this catalogue wrote them.

    Otherwise ``--labels tags`` would give out the model's guesses as labels, `train` learn them, and an
    evaluation find them right.

    Parameters
    ----------
    session
        Of the catalogue whose records of `tag --write` count.
    tracks
        Their genres in the files' order are looked at.

    Returns
    -------
    list
        Of each track, in their order.
    """
    records = standing(session, [track.id for track in tracks])
    ours = {
        track_id: {
            name.casefold() for write in writes for name in scores_of(tags_of(write.after)).get(GENRE, ())
        }
        for track_id, writes in records.items()
    }
    return [[g for g in t.file_genres if not _is_ours(g, ours.get(t.id, set()))] for t in tracks]


def _is_ours(genre: str, ours: set[str]) -> bool:
    return all(part.strip().casefold() in ours for part in genre.split(SEPARATOR.strip()))
