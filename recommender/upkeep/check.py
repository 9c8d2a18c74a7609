"""Examine a home, and mend what can be mended without losing anything that nobody could make again."""

import os
from contextlib import ExitStack, nullcontext

from classifier.files import FILE
from recommender.home import LOCK, Home
from recommender.upkeep.database import ROWS, look_at_database
from recommender.upkeep.files import (
    LEFT,
    RIGHTS,
    leftovers,
    look_at_backups,
    look_at_bundles,
    look_at_index,
    look_at_leftovers,
    look_at_permissions,
    look_at_tag_writes,
)
from recommender.upkeep.findings import NOTED, WRONG, Finding


def check(home: Home, *, repair: bool) -> list[Finding]:
    """Return what a look at a home found, one finding a thing.

    Parameters
    ----------
    repair
        Mend what is wrong: nobody else may be writing meanwhile. Without it nothing is changed.

    Raises
    ------
    RecommenderError
        If nothing was ever ingested; with `repair` a `HomeLockedError` if another process writes.
    CatalogError
        If the catalogue cannot be reached, or is of a newer version.
    """
    if home.engine().dialect.name == "sqlite" and not os.path.lexists(home.catalog_path):
        home.existing_catalog()  # which says that there is none
    before = leftovers(home)
    with ExitStack() as held:
        if repair:
            held.enter_context(home.writer_lock())
        found = look_at_database(home, repair=repair)
        if any(finding.state == WRONG and finding.thing != ROWS for finding in found):
            found.append(Finding("index, tag writes", NOTED, "not looked at before the catalogue is mended"))
        else:
            catalog = home.existing_catalog()
            found.append(look_at_index(home, catalog, repair=repair))
            found.append(look_at_tag_writes(catalog, repair=repair))
        found += look_at_bundles(home)
        found += look_at_backups(home)
        if not repair and _is_being_written(home):
            what = f"{LEFT}, {RIGHTS}"
            found.append(Finding(what, NOTED, "not looked at, for another deepcuts is writing"))
        else:
            found += look_at_leftovers(home, before, repair=repair)
            found.append(look_at_permissions(home, repair=repair))
    return found


def _is_being_written(home: Home) -> bool:
    """Whether a process holds the writer lock now; to take it would sweep away what is to be looked at."""
    from filelock import FileLock, Timeout

    path = home.path / LOCK
    try:
        with FileLock(path, timeout=0, mode=FILE) if path.exists() else nullcontext():
            return False
    except Timeout:
        return True
    except OSError:
        return False
