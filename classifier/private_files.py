"""Files and folders of a home: nobody but their owner may read them, whatever the umask says."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

FILE: Final = 0o600
FOLDER: Final = 0o700


def make_folder(path: Path) -> None:
    """Make a folder for its owner alone, and those above it that are absent; what is there stays as it is.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    missing = []
    for folder in (path, *path.parents):
        if folder.exists():
            break
        missing.append(folder)
    for folder in reversed(missing):
        folder.mkdir(FOLDER, exist_ok=True)
    if not path.is_dir():
        path.mkdir(FOLDER)  # which says what is in its place


def close_to_others(path: Path) -> None:
    """Take others' rights to a file away that a library made; a file system that knows none is as it is."""
    with suppress(OSError):
        os.chmod(path, FILE)


def opener(path: str, flags: int) -> int:
    """Open a file for `open`, so that one that is made is its owner's alone."""
    return os.open(path, flags, FILE)
