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

CATALOGUE: Final = "catalog.sqlite"
WATCHED: Final = (CATALOGUE, "index/segments.json")
"""Where one of these is open to others, a home is one of an earlier version."""

CONTENTS: Final = {
    "": (
        "catalog.sqlite*",
        "catalog.before-*.sqlite*",
        ".catalog.before-*",
        "deepcuts.log*",
        "writer.lock",
        "id",
        "connections.json",
        ".connections.json.part-*",
        ".id.part-*",
        "index",
        "bundles",
        "cache",
        "evaluation",
    ),
    "index": ("segments*", ".segments*", ".part-*"),
    "bundles": ("active", ".active.part-*", "bundle-*", ".part-*", ".old-*"),
    "cache": (
        "arrays",
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

    Links are not followed, but that to a catalogue; what is not known to be of a home is not among it.
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

    A folder that nothing is in yet, or that kept others from its files, is closed without a word. Where it
    is as it should be, or its file system knows no rights, little is looked at: every command asks.
    What is no folder, such as a device, is no home, and stays as it is.
    """
    if not home.is_dir():
        return None
    was_open = _is_loose(home)
    open_ones = [path for name in WATCHED if _is_loose(path := home / name)]
    if was_open and not open_ones and _is_nothing_else(home):
        open_ones = [home]
    if not open_ones:
        return None
    first = open_ones[0]
    if tighten([first]):
        return None
    found = {first, *loose(home)}
    closed = found - set(tighten(sorted(found))) - {home}
    if not (was_open and closed):
        return None
    return f"{home} could be read by others ({len(closed)} of its files and folders); now only by you"


def _is_nothing_else(home: Path) -> bool:
    """Whether all in a home and its folders is known."""
    return all(
        any(fnmatch(entry.name, pattern) for pattern in patterns)
        for folder, patterns in CONTENTS.items()
        for entry in _entries(home / folder)
    )


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
    """Yield a file, or a folder with all that is in it; no links but that to a catalogue elsewhere."""
    if entry.is_symlink() and entry.name != CATALOGUE:
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
