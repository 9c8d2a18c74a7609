"""What a write changed, byte for byte, as the catalogue keeps it; and how it is taken back."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from recommender.file_tags.genre_fields import decoded
from recommender.file_tags.stored_tags import ID3, INFO_GENRE, Entry, StoredTags

Described = Mapping[str, Any]
"""``kind`` and ``present`` as in `StoredTags`; ``fields``: key to [place among the entries, base64] pairs."""


def describe(tags: StoredTags, keys: Iterable[str]) -> dict[str, Any]:
    """Return the values of some keys, and where they stand, as JSON holds it."""
    fields: dict[str, list[list[Any]]] = {key: [] for key in keys}
    for place, entry in enumerate(tags.entries):
        if entry.key in fields:
            fields[entry.key].append([place, base64.b64encode(entry.data).decode()])
    return {"kind": tags.kind, "present": tags.present, "fields": fields}


def values(described: Described, key: str) -> list[bytes]:
    """Return the described values of a key."""
    return [base64.b64decode(content) for _, content in described["fields"].get(key, ())]


def tags_of(described: Described) -> StoredTags:
    """Return a tag that holds what is described, and nothing else."""
    entries = [Entry(key, data) for key in described["fields"] for data in values(described, key)]
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
    old = sorted((place, key, content) for key in keys for place, content in before["fields"][key])
    for place, key, content in old:
        entries.insert(place, Entry(key, base64.b64decode(content)))
    made = tags.with_entries(entries)
    if not before["present"] and all(entry.key == INFO_GENRE for entry in entries):
        return replace(made, present=False)
    return made
