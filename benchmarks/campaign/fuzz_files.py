"""What a file is: its audio, and its tags as they are stored; and whether it is worse than it was."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from classifier.audio.audio_hash import audio_hash
from recommender.errors import TagError
from recommender.file_tags import formats
from recommender.file_tags.stored_tags import StoredTags, same


@dataclass(frozen=True)
class State:
    """A file's bytes, hashed; the hash of its audio; its tags, or None where they cannot be read."""

    content: str
    audio: str | None
    tags: StoredTags | None


def states(files: Sequence[Path]) -> dict[str, State]:
    """Return what files are, by their names."""
    return {path.name: _state(path) for path in files}


def _state(path: Path) -> State:
    content = hashlib.blake2b(path.read_bytes()).hexdigest()
    try:
        tags = formats.load(path)
    except (TagError, OSError):
        tags = None
    return State(content, audio_hash(path), tags)


def worse(what: str, before: State, now: State, *, tags_too: bool) -> str | None:
    """Return what a command has lost of a file, or None: its audio, or the tags it was to keep."""
    if before.content == now.content:
        return None
    if before.audio != now.audio:
        return f"{what} changed its audio"
    if tags_too and (before.tags is None or now.tags is None or not same(before.tags, now.tags)):
        return f"{what} left other tags"
    return None
