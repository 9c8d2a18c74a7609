"""Replace the tags of a file so that it is whole at every moment, and that it can be taken back.

The file itself is never written to. A copy beside it is, and replaces it once it has been read back;
what was there before is in the catalogue by then.
"""

import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sqlalchemy.orm import Session

from classifier import errors
from classifier.audio.audio_hash import audio_hash
from classifier.files import sync, sync_folder
from db.models import Track
from db.session import Catalog
from db.tag_writes import WRITE, begin, drop, finish
from db.tracks import by_ids, with_content
from recommender.errors import TagError
from recommender.file_tags import formats
from recommender.file_tags.read import FileTags, read_tags
from recommender.file_tags.snapshots import describe
from recommender.file_tags.stored_tags import StoredTags, same, touched
from recommender.tagging.targets import TaggedFile

TEMPORARY: Final = ".deepcuts-tag-"
"""Names of copies begin so; a scan skips names that begin with a dot."""

STEPS: Final = (
    "recorded",
    "copied",
    "edited",
    "synced",
    "verified",
    "renamed",
    "folder synced",
    "settled",
)
"""What is done with a file, in this order. Killed after any of them, the file is the old or the new one."""


def reached(step: str) -> None:
    """Be told that a step is done. Tests replace it by what ends the process there."""


def replace_tags(
    catalog: Catalog,
    file: TaggedFile,
    before: StoredTags,
    after: StoredTags,
    *,
    keep_mtime: bool = False,
    action: str = WRITE,
) -> str | None:
    """Give a file other tags; see `STEPS`. Return what of the file could not be kept, None for nothing.

    Parameters
    ----------
    catalog
        The caller holds the home's writer lock.
    file
        Whose tags; its track is brought up to date, so that an ingest has nothing to do.

    Raises
    ------
    TagError
        If it cannot be done; the file is as it was then.
    """
    target, was = writable_target(file.path)
    temporary = target.with_name(f"{TEMPORARY}{uuid.uuid4().hex[:16]}{Path(file.path).suffix}")
    with _recorded(catalog, file, action, target, temporary, before, after) as write_id:
        lost = _make(target, temporary, after, was, keep_mtime)
        tags = _verify(file, temporary, after)
        if _signature(os.stat(target)) != _signature(was):
            raise TagError("it was changed by another program meanwhile")
        os.replace(temporary, target)
    reached("renamed")
    sync_folder(target.parent)
    reached("folder synced")
    with catalog.transaction() as session:
        finish(session, write_id)
        bring_up_to_date(session, file, was.st_size, was.st_mtime_ns, tags)
    reached("settled")
    return lost


@contextmanager
def _recorded(
    catalog: Catalog,
    file: TaggedFile,
    action: str,
    target: Path,
    temporary: Path,
    before: StoredTags,
    after: StoredTags,
) -> Iterator[int]:
    """Note what is about to be done, and what was there before; if it fails, forget that, and the copy."""
    keys = touched(before, after)
    records = describe(before, keys), describe(after, keys) | {"audio": file.content_hash}
    with catalog.transaction() as session:
        write_id = begin(session, file.track_id, action, str(target), str(temporary), *records)
    reached("recorded")
    try:
        yield write_id
    except (OSError, TagError) as error:
        with suppress(OSError):  # a scan skips it, and the next run looks for it again
            temporary.unlink(missing_ok=True)
        with catalog.transaction() as session:
            drop(session, write_id)
        raise TagError(str(error) if isinstance(error, TagError) else in_words(error)) from error


def in_words(error: OSError) -> str:
    """Return what the system says of a file, as part of a sentence."""
    return f"it cannot be used: {errors.said(error).lower()}"


def writable_target(path: str) -> tuple[Path, os.stat_result]:
    """Return the file that a path leads to, if it can be replaced, and its status.

    Raises
    ------
    TagError
        If it cannot; why, in plain words.
    """
    target = Path(os.path.realpath(path))
    try:
        status = os.stat(target)
        if not stat.S_ISREG(status.st_mode):
            raise TagError("it is no file")
        # The superuser may write whatever the mode says, but whoever set it did not want that.
        if not status.st_mode & 0o222 or not os.access(target, os.W_OK):
            raise TagError("it is read-only")
        if not os.access(target.parent, os.W_OK | os.X_OK):
            raise TagError("its folder is read-only")
        with _unlocked(target):
            pass
    except FileNotFoundError as error:
        raise TagError("it is gone") from error
    except OSError as error:
        raise TagError(in_words(error)) from error
    return target, status


@contextmanager
def _unlocked(target: Path) -> Iterator[None]:
    """Raise where another program has locked a file; systems without such locks have none to look for."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with open(target, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TagError("another program has locked it") from error
        yield


def _make(
    target: Path, temporary: Path, after: StoredTags, was: os.stat_result, keep_mtime: bool
) -> str | None:
    """Write the copy, with the new tags, to the disk; return what its file system does not let it keep."""
    lost = []
    shutil.copyfile(target, temporary)
    try:
        shutil.copymode(target, temporary)
    except OSError:
        lost.append("its permissions")
    with suppress(OSError):  # the times are set below; the mode is there already
        shutil.copystat(target, temporary)
    _own(temporary, was)
    reached("copied")
    formats.save(temporary, after)
    reached("edited")
    try:
        if keep_mtime:
            os.utime(temporary, ns=(was.st_atime_ns, was.st_mtime_ns))
        else:
            os.utime(temporary)  # copystat gave it that of the file
    except OSError:
        lost += ["its time of change"] if keep_mtime else []
    sync(temporary)
    reached("synced")
    return f"{' and '.join(lost)} could not be kept: its file system refuses that" if lost else None


def _own(temporary: Path, was: os.stat_result) -> None:
    """Give a copy the owner of the file."""
    made = os.stat(temporary)
    if (made.st_uid, made.st_gid) == (was.st_uid, was.st_gid):
        return
    try:
        os.chown(temporary, was.st_uid, was.st_gid)
        os.chmod(temporary, stat.S_IMODE(was.st_mode))  # changing the owner may have cleared a part of it
    except PermissionError as error:
        raise TagError("it belongs to another user, and would not any more") from error


def _verify(file: TaggedFile, temporary: Path, after: StoredTags) -> FileTags:
    """Return what the tags of the copy say, once they are as they should be, and so is its audio.

    Raises
    ------
    TagError
        If it has not.
    """
    if not same(formats.load(temporary), after):
        raise TagError("its tags would not be as they should; it is left as it was")
    audio = audio_hash(temporary)
    if audio is None or (audio != file.content_hash and audio != audio_hash(Path(file.path))):
        raise TagError("its audio would not stay the same; it is left as it was")
    tags = read_tags(temporary)  # now: once it is the file nothing of it need be read
    reached("verified")
    return tags


def _signature(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def bring_up_to_date(
    session: Session, file: TaggedFile, size: int, mtime_ns: int, tags: FileTags | None = None
) -> None:
    """Note a file's size, time and genres, also for other paths that lead to it, unless a scan is due anyway.

    Parameters
    ----------
    session
        Of the catalogue.
    file
        What was written.
    size, mtime_ns
        Of the file that it replaced.
    tags
        What they say; None where they must be read.
    """
    if file.linked is None:
        tracks = {track.id: track for track in with_content(session, file.content_hash or "")}
    else:
        tracks = by_ids(session, file.linked)
    tracks.setdefault(file.track_id, session.get_one(Track, file.track_id))
    for track in tracks.values():
        if (track.size, track.mtime_ns) != (size, mtime_ns):
            continue
        try:
            if not os.path.samefile(track.path, file.path):
                continue
            status = os.stat(track.path)
            tags = read_tags(Path(file.path)) if tags is None else tags
        except OSError:  # the next ingest looks at it again
            continue
        track.size, track.mtime_ns = status.st_size, status.st_mtime_ns
        track.file_genres, track.own_genres = list(tags.genres), list(tags.own_genres)
