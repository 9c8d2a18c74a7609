"""Trials of a tuning: kept as they finish, ranked, and written as a table and a picture."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from classifier.errors import in_words
from classifier.files import make_folder, opener, replace_file, sync_descriptor
from classifier.networks.search_space import Values
from recommender.errors import RecommenderError

TRIALS = "trials.jsonl"
TABLE = "trials.csv"
PICTURE = "trials.png"


@dataclass(frozen=True)
class Trial:
    """What a trial, with one seed, came to.

    Attributes
    ----------
    key
        What it depends on: recipe, songs, folds, seed.
    values, seed
        What it set.
    validation_loss, best_epochs
        Lowest cross-entropy, in nats, on the songs inside each fold that said when to stop (mean over the
        folds), and the epoch of it in each, from 1.
    accuracy, cross_entropy, macro_f1
        On the songs held out, which had no say in the fit.
    seconds
        That the fits took; parts before a kill are not counted.
    songs, held_out, judged_on
        How many songs there were, how many of them were held out, and a hash of which.
    """

    key: str
    values: Values
    seed: int
    validation_loss: float
    best_epochs: Sequence[int]
    accuracy: float
    cross_entropy: float
    macro_f1: float
    seconds: float
    songs: int
    held_out: int
    judged_on: str


@dataclass(frozen=True)
class TrialMeans:
    """A trial's figures, means over its seeds; see `Trial`."""

    values: Values
    seeds: int
    validation_loss: float
    best_epochs: Sequence[int]
    accuracy: float
    cross_entropy: float
    macro_f1: float
    seconds: float


class TrialLog:
    """Finished trials, one JSON line each, in a folder.

    Parameters
    ----------
    folder
        Made when a trial is first stored.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / TRIALS

    def read(self) -> dict[str, Trial]:
        """Return the trials by their keys; a line that was cut short by a kill, or is none, is left out."""
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise RecommenderError(f"{self.path} cannot be read: {in_words(error)}") from error
        found = (_read_trial(line) for line in lines)
        return {trial.key: trial for trial in found if trial is not None}

    def add(self, trial: Trial) -> None:
        """Store a trial for good."""
        try:
            make_folder(self.path.parent)
            with open(self.path, "a+b", opener=opener) as file:
                if file.tell() and not self.path.read_bytes().endswith(b"\n"):
                    file.write(b"\n")  # after what a kill cut short
                file.write(json.dumps(asdict(trial)).encode() + b"\n")
                file.flush()
                sync_descriptor(file.fileno())
        except OSError as error:
            raise RecommenderError(f"{self.path} cannot be written: {in_words(error)}") from error


def _read_trial(line: str) -> Trial | None:
    try:
        described = json.loads(line)
        return Trial(**described) if isinstance(described, dict) else None
    except (ValueError, TypeError):
        return None


def ranked(trials: Iterable[Trial]) -> list[TrialMeans]:
    """Return one row for each combination of values, the lowest validation loss first."""
    by_values: dict[str, list[Trial]] = {}
    for trial in trials:
        by_values.setdefault(json.dumps(trial.values), []).append(trial)
    return sorted((_row(group) for group in by_values.values()), key=lambda row: row.validation_loss)


def _row(trials: Sequence[Trial]) -> TrialMeans:
    def mean(name: str, digits: int = 4) -> float:
        return round(float(np.mean([getattr(trial, name) for trial in trials])), digits)

    return TrialMeans(
        values=trials[0].values,
        seeds=len(trials),
        validation_loss=mean("validation_loss"),
        best_epochs=[epoch for trial in trials for epoch in trial.best_epochs],
        accuracy=mean("accuracy"),
        cross_entropy=mean("cross_entropy"),
        macro_f1=mean("macro_f1"),
        seconds=mean("seconds", 1),
    )


def write_results(rows: Sequence[TrialMeans], folder: Path) -> None:
    """Write the table and the picture of a tuning.

    Raises
    ------
    RecommenderError, PictureError
        If the folder cannot be written.
    """
    from classifier.plotting.evaluation import draw_trials

    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / TABLE, _as_csv(rows))
    except OSError as error:
        raise RecommenderError(f"{folder} cannot be written: {in_words(error)}") from error
    draw_trials([(row.values, row.validation_loss) for row in rows], folder / PICTURE)


def _as_csv(rows: Sequence[TrialMeans]) -> bytes:
    text = io.StringIO()
    names = [field.name for field in fields(TrialMeans) if field.name != "values"]
    writer = csv.writer(text)
    writer.writerow([*rows[0].values, *names])
    for row in rows:
        described = asdict(row) | {"best_epochs": " ".join(map(str, row.best_epochs))}
        writer.writerow([*row.values.values(), *(described[name] for name in names)])
    return text.getvalue().encode()
