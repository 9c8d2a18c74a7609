"""Songs of genres that anyone could tell apart, commands without worker processes, a network's library."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from classifier.model import bundle
from classifier.model.inference import Trunk
from recommender.library import ingest
from recommender.library.workers import tasks
from recommender.training import data
from tests import databases, synth
from tests.recommender import support
from tests.recommender.here import Here
from tests.recommender.support import Library, Ran

GENRES = ("hum", "rain", "tick")
SONGS_A_GENRE = 4
EPOCHS = 2


def write_genres(folder: Path) -> Path:
    """Write three genres of songs of 3.5 to 7.1 s, and a file that is not audio."""
    for number in range(SONGS_A_GENRE):
        seconds = 3.5 + 1.2 * number
        sounds = (
            synth.tone(seconds, 80.0 + 9 * number),
            synth.noise(seconds, number),
            synth.clicks(seconds, 2.0 + number),
        )
        for genre, sound in zip(GENRES, sounds, strict=True):
            path = folder / genre / f"{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            synth.write(path, sound)
    (folder / "hum/broken.wav").write_text("not audio")
    return folder


class _Quick(Here):
    """Workers that analyse in this process with the bundle that they are given."""

    def __init__(self, bundle_path: Path | None, _jobs: int) -> None:
        if bundle_path is not None:
            tasks._trunk = Trunk(bundle.load(bundle_path), threads=1)


@contextmanager
def quick_workers() -> Iterator[None]:
    """Let commands that run in this process read files in it too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "_trunk", None)
        patch.setattr(Here, "decoded", [], raising=False)
        for module in (data, ingest):
            patch.setattr(module, "Workers", _Quick)
        yield


def quick(home: Path, *arguments: str | Path | int) -> Ran:
    """Run a command in this process, without worker processes."""
    with quick_workers():
        return support.deepcuts(home, *arguments)


TRAIN_NETWORK = ("--arch", "cnn-mel", "--epochs", str(EPOCHS), "--json")


@dataclass(frozen=True)
class Heard:
    """The small library after `train DIR --arch cnn-mel` and another ingest.

    Attributes
    ----------
    library
        With the features of two trunks, the network's bundle being active.
    genres
        What it was trained on.
    ran, status
        How `train` ended, and what `status` said before the other ingest.
    report
        Of that ingest.
    """

    library: Library
    genres: Path
    ran: Ran
    status: Any
    report: Any

    @property
    def bundle(self) -> bundle.Bundle:
        """The network's bundle."""
        return bundle.load(Path(self.ran.json["bundle_path"]))


def heard_by_network(temporary: Path) -> Heard:
    """Return the small library heard by a network, below a session's folder: only to be read."""
    return _heard_by_network(temporary, databases.kind())


@functools.cache
def _heard_by_network(temporary: Path, database: str) -> Heard:
    folder = temporary / f"heard by a network, {database}"
    library = support.ingested_library(temporary).clone(folder)
    genres = write_genres(folder / "genres")
    ran = quick(library.home, "train", genres, *TRAIN_NETWORK)
    assert ran.code == 0, ran.err
    status = library.run("status", "--json").json
    report = quick(library.home, "ingest", library.music, "--json").json
    return Heard(library, genres, ran, status, report)
