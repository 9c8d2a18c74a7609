"""What runs on a worker of a Dask cluster: it says what it is, keeps the trunk, and does tasks.

The worker's process keeps a trunk from one task to the next; its threads share it.
"""

import hashlib
import pickle
import tempfile
import threading
from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from threadpoolctl import threadpool_limits

import classifier
from classifier.audio import mpg123
from classifier.errors import BundleError
from classifier.model import bundle
from classifier.model.inference import Trunk
from recommender.library import params
from recommender.library.workers.boundary import packed
from recommender.library.workers.tasks import RangesAnalysis, analyse, analyse_with
from recommender.process_limits import FileLimits

LIBRARIES: Final = ("numpy", "onnxruntime", "soundfile", "soxr", "av", "mutagen")
"""What decides samples, embeddings and tags, besides the code."""


class PickledCall:
    """A call as bytes: to unpickle them is to make it.

    A scheduler unpickles the functions and arguments that pass through it. Wrapped up like this they
    are bytes to it, so that it needs neither deepcuts nor the same version of it.
    """

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self._call

    def to_bytes(self) -> bytes:
        """Return what `pickle.loads` answers with the call's result."""
        return pickle.dumps(self)


def _code_hash() -> str:
    """Hash the source of what a worker runs."""
    state, library = hashlib.sha256(), Path(__file__).parents[1]
    for package in (Path(classifier.__file__).parent, library, library.parent / "file_tags"):
        for path in sorted(package.rglob("*.py")):
            content = path.read_bytes()
            state.update(f"{path.relative_to(package.parent).as_posix()} {len(content)}\n".encode())
            state.update(content)
    return state.hexdigest()[:16]


# Taken when the code is loaded: an update on disk changes nothing in a process that goes on running.
_CODE: Final = _code_hash()


@cache
def versions() -> Mapping[str, str]:
    """Return what must be the same on every machine, by name."""
    found = {"deepcuts": _version("deepcuts"), "deepcuts code": _CODE}
    return found | {name: _version(name) for name in LIBRARIES} | {"libmpg123": mpg123.version()}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


_trunks: dict[str, Trunk] = {}
_loading = threading.Lock()
_limits: Final = FileLimits()


def prepare(
    expected: Mapping[str, str], path: str, bundle_id: str, files: Mapping[str, bytes] | None
) -> tuple[dict[str, str], bool]:
    """Say what this worker is and, where it is what the client expects, load the bundle's trunk.

    Plain types only, so that other versions of deepcuts can tell that they are others.

    Parameters
    ----------
    expected
        The client's `versions`.
    path, bundle_id
        Where the client has the bundle, which may be there for this machine too, and its id.
    files
        The bundle's files by name, where the client has to send them.

    Returns
    -------
    tuple
        This worker's `versions`, and whether it is ready; if not, and they match, the files must be sent.
    """
    mine = dict(versions())
    if mine != expected:
        return mine, False
    with _loading:
        if bundle_id not in _trunks:
            threadpool_limits(1)  # the cluster runs as many tasks at once as it has threads
            made = _sent_trunk(files) if files is not None else _found_trunk(path, bundle_id)
            if made is None or made.bundle.bundle_id != bundle_id:
                return mine, False
            while len(_trunks) >= params.KEPT_TRUNKS:
                del _trunks[next(iter(_trunks))]
            _trunks[bundle_id] = made
    return mine, True


def _found_trunk(path: str, bundle_id: str) -> Trunk | None:
    """Load the bundle from the client's path or from the package, wherever it is the same."""
    for folder in (Path(path), bundle.SHIPPED):
        try:
            described = bundle.read_description(folder)
        except BundleError:
            continue
        if described.get("bundle_id") == bundle_id:
            return Trunk(bundle.load(folder), threads=1)
    return None


def _sent_trunk(files: Mapping[str, bytes]) -> Trunk:
    """Load a bundle from its files' content; once the network is in memory they are not needed."""
    with tempfile.TemporaryDirectory(prefix="deepcuts-bundle-") as folder:
        for name, content in files.items():
            (Path(folder) / Path(name).name).write_bytes(content)
        return Trunk(bundle.load(Path(folder)), threads=1)


def bundle_files(loaded: bundle.Bundle) -> dict[str, bytes]:
    """Return the content of a bundle's files by name, to be sent."""
    described = bundle.read_description(loaded.path)
    return {name: (loaded.path / name).read_bytes() for name in (bundle.DESCRIPTION, *described["files"])}


def perform(task: Callable[[str], Any], path: str, bundle_id: str) -> tuple[bool, bytes]:
    """Run a task on a path; return whether this process was prepared for it, and the packed result."""
    trunk = _trunks.get(bundle_id)
    if trunk is None:  # a new process at an old address
        return False, b""
    if task is analyse:
        task = partial(analyse_with, trunk)
    elif isinstance(task, RangesAnalysis):
        task = partial(task.with_trunk, trunk)
    with _limits.reading():
        return True, packed(lambda: task(path))
