"""What a write changed, byte for byte, as the catalogue keeps it; how it is taken back; whose genres are."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from db.models import Track
from db.tag_writes import standing
from recommender.file_tags.genre_fields import GENRE, SEPARATOR, decoded, scores_of
from recommender.file_tags.stored_tags import ID3, INFO_GENRE, StoredTags, TagEntry

Described = Mapping[str, Any]
"""``kind`` and ``present`` as in `StoredTags`; ``fields``: key to [position of the entry, base64] pairs."""


def describe(tags: StoredTags, keys: Iterable[str]) -> dict[str, Any]:
    """Return the values of some keys, and where they stand, as JSON holds it."""
    fields: dict[str, list[list[Any]]] = {key: [] for key in keys}
    for position, entry in enumerate(tags.entries):
        if entry.key in fields:
            fields[entry.key].append([position, base64.b64encode(entry.data).decode()])
    return {"kind": tags.kind, "present": tags.present, "fields": fields}


def values(described: Described, key: str) -> list[bytes]:
    """Return the described values of a key."""
    return [base64.b64decode(content) for _, content in described["fields"].get(key, ())]


def tags_of(described: Described) -> StoredTags:
    """Return a tag that holds what is described, and nothing else."""
    entries = [TagEntry(key, data) for key in described["fields"] for data in values(described, key)]
    return StoredTags(described["kind"], described["present"], tuple(entries))


def holds_any(tags: StoredTags, described: Described) -> bool:
    """Whether a tag has the described values of any of the keys."""
    return any(_has(tags, described, key) for key in described["fields"])


def _has(tags: StoredTags, described: Described, key: str) -> bool:
    """Whether a key has the described values, or the same texts: other programs write all fields anew."""
    now, then = tags.of(key), values(described, key)
    if now == then:
        return True
    kind = described["kind"]
    if not now or not then or (tags.kind != kind and not {tags.kind, kind} <= set(ID3)):
        return False
    read = [text for data in now for text in decoded(tags.kind, key, data)]
    return any(read) and read == [text for data in then for text in decoded(kind, key, data)]


def take_back(
    tags: StoredTags, changes: Sequence[tuple[Described, Described]]
) -> tuple[StoredTags, list[str]]:
    """Return a tag as it was before some changes, and the keys that were left because others changed them.

    Parameters
    ----------
    tags
        What the file holds now.
    changes
        What was there before each of them and after it; the newest first.
    """
    closed: dict[str, bool] = {}
    """Keys that somebody else changed, and whether that was after the newest of our changes."""
    restored: set[str] = set()
    for before, after in changes:
        again = []
        for key in after["fields"]:
            if not _has(tags, after, key) and not _has(tags, before, key):
                closed.setdefault(key, key not in restored)
            elif key not in closed and _has(tags, after, key):
                again.append(key)
        restored.update(again)
        tags = _restored(tags, before, again)
    return tags, [key for key, by_hand in closed.items() if by_hand]


def _restored(tags: StoredTags, before: Described, keys: list[str]) -> StoredTags:
    if not keys:
        return tags
    entries = [entry for entry in tags.entries if entry.key not in keys]
    old = sorted((position, key, content) for key in keys for position, content in before["fields"][key])
    for position, key, content in old:
        entries.insert(position, TagEntry(key, base64.b64decode(content)))
    made = tags.with_entries(entries)
    if not before["present"] and all(entry.key == INFO_GENRE for entry in entries):
        return replace(made, present=False)
    return made


def set_by_persons(session: Session, tracks: Sequence[Track]) -> list[list[str]]:
    """Return the genres in tracks' files that are not there because deepcuts wrote them.

    Otherwise ``--labels tags`` would give out the model's guesses as labels, `train` learn them, and an
    evaluation find them right.

    Parameters
    ----------
    session
        Of the catalogue whose records of `tag --write` count; what other homes wrote, the files say.
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
    for track in tracks:
        ours.setdefault(track.id, set()).update(name.casefold() for name in track.own_genres)
    return [[g for g in t.file_genres if not _is_ours(g, ours[t.id])] for t in tracks]


def _is_ours(genre: str, ours: set[str]) -> bool:
    return all(part.strip().casefold() in ours for part in genre.split(SEPARATOR.strip()))
