"""The home directory: catalogue, index, bundles, cache, and one writer at a time."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from classifier import bundle
from classifier.bundle import Bundle
from classifier.errors import BundleError
from db.session import Catalog, open_catalog
from recommender import params
from recommender.errors import HomeLockedError, RecommenderError


class Home:
    """Where a user's catalogue lives.

    Parameters
    ----------
    path
        The directory; made when something is first written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.catalog_path = path / "catalog.sqlite"
        self.index_dir = path / "index"
        self.bundles_dir = path / "bundles"
        self.cache_dir = path / "cache"
        self._active_path = path / "bundles" / "active"

    def catalog(self) -> Catalog:
        """Open the catalogue, making it if absent."""
        try:
            return open_catalog(self.catalog_path)
        except OSError as error:
            raise RecommenderError(
                f"the home directory {self.path} cannot be used: {error.strerror}"
            ) from error

    def existing_catalog(self) -> Catalog:
        """Open the catalogue, or say that nothing has been ingested yet."""
        if not self.catalog_path.exists():
            raise RecommenderError(
                f"the catalogue in {self.path} is empty; fill it with: deepcuts ingest FOLDER"
            )
        return self.catalog()

    @contextmanager
    def writer_lock(self) -> Iterator[None]:
        """Hold the home's one writer lock; the system releases it however the process ends.

        Raises
        ------
        HomeLockedError
            If another process holds it.
        """
        from filelock import FileLock, Timeout

        try:
            for folder in (self.index_dir, self.bundles_dir, self.cache_dir):
                folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / "writer.lock", timeout=0)
            lock.acquire()
        except Timeout as error:
            raise HomeLockedError(
                f"another deepcuts is writing to {self.path}; wait until it is done, or stop it"
            ) from error
        except OSError as error:
            raise RecommenderError(
                f"the home directory {self.path} cannot be written: {error.strerror}"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def bundle(self) -> Bundle:
        """Load the active bundle: the one last activated here, else the shipped one."""
        try:
            name = self._active_path.read_text(encoding="utf-8").strip()
        except (FileNotFoundError, NotADirectoryError):
            return bundle.load(bundle.SHIPPED)
        return self.find_bundle(name)

    def find_bundle(self, name: str) -> Bundle:
        """Load a bundle by its id, by ``shipped``, or by the path of its directory."""
        shipped = bundle.load(bundle.SHIPPED)
        if name in ("shipped", shipped.bundle_id):
            return shipped
        for folder in (self.bundles_dir / name, Path(name)):
            if (folder / bundle.DESCRIPTION).exists():
                return bundle.load(folder)
        known = sorted(p.name for p in self.bundles_dir.glob("bundle-*"))
        raise BundleError(f"no bundle '{name}'; there are: {', '.join([*known, 'shipped'])}")

    def activate(self, chosen: Bundle) -> None:
        """Make a bundle the active one; one from elsewhere is copied into the home first."""
        self.bundles_dir.mkdir(parents=True, exist_ok=True)
        name = "shipped" if chosen.path == bundle.SHIPPED else chosen.bundle_id
        target = self.bundles_dir / chosen.bundle_id
        if name != "shipped" and chosen.path != target and not target.exists():
            part = self.bundles_dir / f".part-{chosen.bundle_id}"
            shutil.rmtree(part, ignore_errors=True)
            shutil.copytree(chosen.path, part)
            os.replace(part, target)
        replace_file(self._active_path, name.encode())


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new one whole."""
    part = path.with_name(f".{path.name}.part-{os.getpid()}")
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def default_home() -> Path:
    """Return the home directory that applies where none is named."""
    named = os.environ.get(params.HOME_VARIABLE)
    if named:
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_data_dir(params.APP_NAME))
