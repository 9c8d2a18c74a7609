"""The bundles of a home: taken in from elsewhere, tried before they are used, swept where half copied.

A bundle may come from anyone. Only the files of its format are copied, into a folder of its own that
nobody else writes; the copy is checked, its network is run in a process that may crash; and it is the copy
that is put in place. The home remembers which of its bundles were tried, so that one that was put there by
hand is tried once, too.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from classifier import params
from classifier.errors import BundleError, in_words
from classifier.files import make_folder, replace_folder
from classifier.model import bundle
from classifier.model.bounded_files import read_regular
from classifier.model.bundle import Bundle
from classifier.model.bundle_values import is_bundle_id
from classifier.model.write import PART, REPLACED, copy_bundle
from recommender.errors import RecommenderError
from recommender.trial_process import in_trial

SHIPPED_NAME: Final = "shipped"


def sweep_leftovers(bundles_dir: Path) -> list[str]:
    """Remove what copies that were ended in the middle left, and say of what, one line each.

    Only whoever holds the writer lock may do so. A bundle that was about to be replaced is put back.
    """
    said = []
    for old in sorted(bundles_dir.glob(f"{REPLACED}*")):
        with suppress(BundleError, OSError):
            name = bundle.read_description(old).get("bundle_id")
            if isinstance(name, str) and is_bundle_id(name) and not (bundles_dir / name).exists():
                os.replace(old, bundles_dir / name)
                said.append(f"{name}, which was being replaced, is in its place again")
    for pattern in (PART, REPLACED):
        for left in sorted(bundles_dir.glob(f"{pattern}*")):
            shutil.rmtree(left, ignore_errors=True)
            said.append(f"a half copied bundle was removed: {left.name}")
    return said


@dataclass(frozen=True)
class BundleStore:
    """The bundles of a home.

    Attributes
    ----------
    folder
        Each is a folder in it, called by its id.
    checked
        File that lists, a line each, the hash of the description of every bundle that was tried, or
        trained here: it has the hashes of all other files. Without it they are tried again.
    """

    folder: Path
    checked: Path

    @property
    def active_path(self) -> Path:
        """The file that names the active bundle; without it, that is the shipped one."""
        return self.folder / "active"

    def active_name(self) -> str:
        """Return the id of the active bundle, or ``shipped``.

        Raises
        ------
        BundleError
            If none is named where one should be.
        """
        if not os.path.lexists(self.active_path):
            return SHIPPED_NAME
        try:
            raw = read_regular(self.active_path, bundle.LONGEST_REASON)
            name = raw.decode("utf-8").strip()
        except (BundleError, UnicodeDecodeError) as error:
            raise BundleError(f"{self.active_path} is no file that names a bundle") from error
        if name != SHIPPED_NAME and not is_bundle_id(name):
            raise BundleError(f"{self.active_path} names no bundle: '{name[:60]}'")
        return name

    def has(self, name: str) -> bool:
        """Whether there is anything under this id."""
        return is_bundle_id(name) and os.path.lexists(self.folder / name)

    def find(self, name: str) -> Bundle:
        """Load a bundle by its id; its network is tried if that was never done.

        Raises
        ------
        BundleError
            If there is none of this id, or it cannot be used.
        """
        folder = self.folder / name
        if not self.has(name):
            known = sorted(p.name for p in self.folder.glob("bundle-*") if is_bundle_id(p.name))
            raise BundleError(f"no bundle '{name}'; there are: {', '.join([*known, 'shipped'])}")
        for file in (folder, *(folder / known for known in (bundle.DESCRIPTION, *bundle.KNOWN_FILES))):
            if file.is_symlink():
                raise BundleError(f"bundle {folder}: {file.name} is a link")
        if not self.is_checked(folder):
            try_out(folder, folder)
            self.note_checked(folder)
        found = bundle.load(folder)
        if found.bundle_id != name:
            raise BundleError(f"bundle {folder}: it is another, {found.bundle_id}")
        return found

    def take_in(self, path: Path) -> Bundle:
        """Copy a bundle from elsewhere to here, and return the copy; or the one here, where that is good.

        Raises
        ------
        BundleError
            If it is none, or one that nobody should use.
        RecommenderError
            If nothing can be written here.
        """
        with copied(path, self.folder) as copy:
            if copy.bundle_id == (shipped := bundle.load(bundle.SHIPPED)).bundle_id:
                return shipped
            try:
                return self.find(copy.bundle_id)
            except BundleError:  # there is none, or a damaged one
                target = self.folder / copy.bundle_id
                try:
                    if target.is_symlink() or target.is_file():
                        target.unlink()
                    replace_folder(copy.path, target)
                except OSError as error:
                    raise _unwritable(self.folder, error) from error
        self.note_checked(self.folder / copy.bundle_id)
        return bundle.load(self.folder / copy.bundle_id)

    def is_checked(self, folder: Path) -> bool:
        """Whether a bundle was tried before, or trained here."""
        try:
            noted = read_regular(self.checked, params.LARGEST_DESCRIPTION).split()
            return _description_hash(folder).encode() in noted
        except BundleError:
            return False

    def note_checked(self, folder: Path) -> None:
        """Remember that a bundle can be used; where that cannot be written, it is tried again next time."""
        if self.is_checked(folder):
            return
        with suppress(OSError, BundleError):
            make_folder(self.checked.parent)
            descriptor = os.open(self.checked, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with open(descriptor, "ab") as file:
                file.write(_description_hash(folder).encode() + b"\n")


@contextmanager
def copied(folder: Path, parent: Path | None = None) -> Iterator[Bundle]:
    """Lend a checked copy of a bundle from elsewhere, that is gone afterwards.

    Parameters
    ----------
    parent
        Where the copy is made; None for the system's temporary folder.

    Raises
    ------
    BundleError, RecommenderError
        As of `BundleStore.take_in`.
    """
    try:
        if parent is not None:
            make_folder(parent)
        part = Path(tempfile.mkdtemp(prefix=PART, dir=parent))
    except OSError as error:
        raise _unwritable(parent or Path(tempfile.gettempdir()), error) from error
    try:
        try:
            copy_bundle(folder, part)
        except BundleError as error:
            raise BundleError(f"bundle {folder}: {error}") from error
        except OSError as error:
            raise _unwritable(part.parent, error) from error
        try_out(part, folder)
        try:
            loaded = bundle.load(part)
        except BundleError as error:
            raise BundleError(f"bundle {folder}: {str(error).removeprefix(f'bundle {part}: ')}") from error
        yield loaded
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _unwritable(folder: Path, error: OSError) -> RecommenderError:
    return RecommenderError(f"the bundle cannot be copied into {folder}: {in_words(error)}")


def _description_hash(folder: Path) -> str:
    """Return what tells a bundle from all others: its description has the hashes of its files."""
    content = read_regular(folder / bundle.DESCRIPTION, params.LARGEST_DESCRIPTION)
    return hashlib.sha256(content).hexdigest()


def try_out(folder: Path, named: Path) -> None:
    """Run a bundle's network in a process of its own, which may use little, write nothing, and crash.

    Parameters
    ----------
    named
        How an error calls the bundle.

    Raises
    ------
    BundleError
        If that, or anything else of the bundle, is not as it should be; the text says what.
    RecommenderError
        If no process can be started.
    """
    try:
        in_trial("bundle", folder)
    except BundleError as error:
        raise BundleError(f"bundle {named}: {str(error).removeprefix(f'bundle {folder}: ')}") from error
