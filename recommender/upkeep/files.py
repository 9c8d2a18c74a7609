"""The files of a home: index, bundles, copies of the catalogue, leftovers, and who may read them."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from classifier.datasets.feature_cache import ABANDONED_S
from classifier.errors import BundleError
from classifier.files import is_being_written, writer_of
from classifier.model import bundle
from db.backends.sqlite_file import backups, unfinished_backups
from db.session import Catalog
from db.tag_writes import begun
from db.tracks import count
from recommender.home import Home
from recommender.private import loose, tighten
from recommender.retrieval.index.files import read_sidecar
from recommender.retrieval.index.store import examine, open_index
from recommender.tagging.recover import recover
from recommender.upkeep.database import day_of, is_sound
from recommender.upkeep.findings import NOTED, WELL, WRONG, Finding, mended

INDEX, BUNDLE, TAGS, BACKUP, LEFT, RIGHTS = (
    "index",
    "bundle",
    "tag writes",
    "backup",
    "leftover",
    "permissions",
)
CUT_OFF: Final = (".part-*", ".*.part-*", ".old-*", "*.part.npz")
"""Names of what is being written, or was when its process was ended."""


def look_at_index(home: Home, catalog: Catalog, *, repair: bool) -> Finding:
    """Compare the index with the rows, and its files with their hashes; it is made from the rows."""
    try:
        trunk_id = home.bundle().trunk_id
    except BundleError:
        return Finding(INDEX, NOTED, "not looked at, for it belongs to a bundle that cannot be used")
    state, done = examine(catalog, home.index_dir, trunk_id), ""
    if state == "current":
        return Finding(INDEX, WELL, "it fits the catalogue")
    if state == "absent" and _is_empty(catalog):
        return Finding(INDEX, WELL, "there is none, for nothing is analysed")
    if repair:
        index, _ = open_index(catalog, home.index_dir, trunk_id)
        if examine(catalog, home.index_dir, trunk_id) != "current":
            index, _ = open_index(catalog, home.index_dir, trunk_id, anew=True)
        if examine(catalog, home.index_dir, trunk_id) != "current":
            return Finding(INDEX, WRONG, f"it is {state}", f"it cannot be written into {home.index_dir}")
        done = f"it was built again from the catalogue ({len(index)} segments)"
    return mended(INDEX, f"it is {state}", done, repair=repair)


def _is_empty(catalog: Catalog) -> bool:
    with catalog.transaction() as session:
        return count(session).analysed == 0


def look_at_bundles(home: Home) -> list[Finding]:
    """Load every bundle that lies in a home, and the active one, which may be that of the package."""
    found = []
    try:
        active = home.bundle().path
        where = "that of the package" if active == bundle.SHIPPED else active.name
        found.append(Finding(BUNDLE, WELL, f"the active one is {where}, and loads"))
    except BundleError as error:
        active = None
        found.append(Finding(BUNDLE, WRONG, f"the active one: {error}"))
    for folder in sorted(home.bundles_dir.glob("bundle-*")):
        if folder == active:
            continue
        try:
            loaded = bundle.load(folder).bundle_id
            wrong = None if loaded == folder.name else f"it is another, {loaded}"
        except BundleError as error:
            wrong = str(error)
        if wrong is None:
            found.append(Finding(BUNDLE, WELL, f"{folder.name} loads"))
        else:
            found.append(Finding(BUNDLE, WRONG, f"{folder.name}: {wrong}", "train it again, or remove it"))
    return found


def look_at_tag_writes(catalog: Catalog, *, repair: bool) -> Finding:
    """Count the writes into files that were cut off; each file is whole, the old one or the new one."""
    with catalog.transaction() as session:
        cut_off = len(begun(session))
    if not cut_off:
        return Finding(TAGS, WELL, "none was cut off")
    if repair:
        recover(catalog)
    with catalog.transaction() as session:
        left = len(begun(session)) if repair else 0
    if left:
        return Finding(TAGS, WRONG, f"{left} were cut off", "left until the files can be read")
    return mended(TAGS, f"{cut_off} were cut off", "they were settled, their copies removed", repair=repair)


def look_at_backups(home: Home) -> list[Finding]:
    """Look at the copies that were made of the catalogue before it was changed."""
    found = []
    for copy in backups(home.catalog_path):
        what = f"{copy.name} of {day_of(copy)}, {copy.stat().st_size / 2**20:.1f} MiB"
        if is_sound(copy):
            found.append(Finding(BACKUP, NOTED, what, "it can be removed when all is well"))
        else:
            found.append(Finding(BACKUP, WRONG, f"{what}, is damaged", "remove it: it is of no use"))
    return found


def leftovers(home: Home) -> list[Path]:
    """Return what processes that were ended have left in a home; nothing that may still be written."""
    found = [*unfinished_backups(home.catalog_path), *home.path.glob(".id.part-*")]
    sidecar = read_sidecar(home.index_dir)
    if sidecar is not None:
        found += [old for old in home.index_dir.glob("segments-*") if old.name != sidecar.folder]
    for folder in (home.index_dir, home.bundles_dir):
        found += [path for pattern in CUT_OFF for path in folder.glob(pattern)]
    found += [path for path in _cut_off_below(home.cache_dir) if _is_old(path)]
    return sorted(path for path in set(found) if not is_being_written(path.name))


def _cut_off_below(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            if any(fnmatch(name, pattern) for pattern in CUT_OFF):
                yield Path(where) / name
        folders[:] = [name for name in folders if not any(fnmatch(name, pattern) for pattern in CUT_OFF)]


def _is_old(path: Path) -> bool:
    """Whether what has no process in its name is surely not being written: caches know no lock."""
    with suppress(OSError):
        return writer_of(path.name) is not None or path.stat().st_mtime < time.time() - ABANDONED_S
    return False


def look_at_leftovers(home: Home, before: list[Path], *, repair: bool) -> list[Finding]:
    """Name what is left over; with `repair`, once it was removed.

    Parameters
    ----------
    before
        What `leftovers` returned before the writer lock was taken, which removes some of it.
    """
    found = []
    for path in sorted({*before, *leftovers(home)}):
        name = str(path.relative_to(home.path))
        if repair and path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif repair:
            with suppress(OSError):
                path.unlink()
        if repair and os.path.lexists(path):
            found.append(Finding(LEFT, WRONG, name, "it cannot be removed"))
        else:
            found.append(mended(LEFT, name, "it was removed", repair=repair))
    return found or [Finding(LEFT, WELL, "there is none")]


def look_at_permissions(home: Home, *, repair: bool) -> Finding:
    """Count what others than the owner may read."""
    found = loose(home.path)
    if not found:
        return Finding(RIGHTS, WELL, "nobody but its owner may read it")
    what = f"others may read {len(found)} of its files and folders"
    if repair and (left := tighten(found)):
        return Finding(RIGHTS, NOTED, what, f"{len(left)} stay so: this file system knows no permissions")
    return mended(RIGHTS, what, "they may not any more", repair=repair)
