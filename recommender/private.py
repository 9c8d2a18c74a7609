"""A home is its owner's alone: what an earlier version let others read is closed to them."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

OTHERS: Final = 0o077
"""What others than its owner may do with a file."""

CONTENTS: Final = {
    "": (
        "catalog.sqlite*",
        "catalog.before-*.sqlite*",
        ".catalog.before-*",
        "deepcuts.log*",
        "writer.lock",
        "id",
        ".id.part-*",
        "index",
        "bundles",
        "cache",
        "evaluation",
    ),
    "index": ("segments*", ".segments*", ".part-*"),
    "bundles": ("active", ".active.part-*", "bundle-*", ".part-*", ".old-*"),
    "cache": (
        "checked-bundles",
        "evaluations",
        "features",
        "frozen",
        "maps",
        "pictures",
        "runs",
        "trials",
        "tuning",
    ),
    "evaluation": ("*.json", "*.png", "*.csv", ".*.part-*"),
}
"""What is in a home, and in its folders, by patterns of names. A folder with anything else in it may be used
for other things too, and is left as it is; what is known in it is not."""


def loose(home: Path) -> list[Path]:
    """Return what of a home others than its owner may read, or more; only what is this user's own.

    Links are not followed, and nothing that is not known to be of a home is among it.
    """
    return [path for path in _own(home) if _is_loose(path)]


def tighten(paths: list[Path]) -> list[Path]:
    """Take the rights of others away, and return what is still open: some file systems know no rights."""
    left = []
    for path in paths:
        with suppress(OSError):
            os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) & ~OTHERS)
        if _is_loose(path):
            left.append(path)
    return left


def close_to_others(home: Path) -> str | None:
    """Close a home that others may read, and return a sentence that says so; None where none could.

    A folder that nothing is in yet, or that kept others from its files, is closed without a word.
    """
    was_open = _is_loose(home)
    if not (was_open or _is_loose(home / "catalog.sqlite")):
        return None
    found = loose(home)
    left = set(tighten(found))
    closed = [path for path in found if path not in left and path != home]
    if not (closed and was_open):
        return None
    return f"{home} could be read by others ({len(closed)} of its files and folders); now only by you"


def _is_loose(path: Path) -> bool:
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            status = os.stat(path)
    except OSError:
        return False
    return bool(status.st_mode & OTHERS) and status.st_uid == os.geteuid()


def _own(home: Path) -> Iterator[Path]:
    """Yield what is a home's own, and the home itself if nothing else is in it."""
    whole = True
    for entry in _entries(home):
        name = entry.name
        known = any(fnmatch(name, pattern) for pattern in CONTENTS[""])
        if known and name in CONTENTS and entry.is_dir(follow_symlinks=False):
            inside = list(_of_folder(entry.path, name))
            known = Path(entry.path) in inside
            yield from inside
        elif known:
            yield from _tree(entry)
        whole &= known
    if whole:
        yield home


def _of_folder(path: str, name: str) -> Iterator[Path]:
    """Yield what is known in a folder of a home, and the folder itself if nothing else is in it."""
    whole = True
    for entry in _entries(path):
        known = any(fnmatch(entry.name, pattern) for pattern in CONTENTS[name])
        whole &= known
        if known:
            yield from _tree(entry)
    if whole:
        yield Path(path)


def _tree(entry: "os.DirEntry[str]") -> Iterator[Path]:
    """Yield a file, or a folder with all that is in it; no links."""
    if entry.is_symlink():
        return
    yield Path(entry.path)
    if entry.is_dir(follow_symlinks=False):
        for inner in _entries(entry.path):
            yield from _tree(inner)


def _entries(path: str | Path) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(path) as found:
            return list(found)
    except OSError:
        return []
