"""Keep the state of a fit on disk, so that one that was killed goes on where it was. Imports Keras."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, Final

import keras
import numpy as np

from classifier.files import whole_file

STATE: Final = "fit.npz"
# What EarlyStopping, ModelCheckpoint and ReduceLROnPlateau remember from epoch to epoch.
_REMEMBERED: Final = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter")

Logs = Mapping[str, float] | None


class Log(keras.callbacks.Callback):  # type: ignore[misc]
    """Record each epoch's figures and rate.

    Attributes
    ----------
    history
        Lists of one value an epoch.
    """

    def __init__(self, progress: Callable[[int, int], None], epochs: int) -> None:
        super().__init__()
        self.history: dict[str, list[float]] = {}
        self._progress, self._epochs = progress, epochs

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Add the epoch's figures."""
        figures = {**(logs or {}), "learning_rate": float(self.model.optimizer.learning_rate)}
        for name, value in figures.items():
            self.history.setdefault(name, []).append(float(value))
        self._progress(epoch + 1, self._epochs)


class Resume(keras.callbacks.Callback):  # type: ignore[misc]
    """Save weights, optimizer, history and what the other callbacks remember; give them back.

    To be the last of the callbacks. The file is replaced whole: a kill leaves the one before.

    Parameters
    ----------
    path
        The file.
    fit_id
        What names the fit; the state of another one is ignored.
    log, others
        The callbacks whose state is kept.
    every_s
        Epochs within so many seconds of the last saved one are not saved; None to save nothing.
    """

    def __init__(
        self,
        path: Path,
        fit_id: str,
        log: Log,
        others: Sequence[keras.callbacks.Callback],
        every_s: float | None,
    ) -> None:
        super().__init__()
        self._path, self._fit_id, self._log, self._others = path, fit_id, log, others
        self._every_s = every_s
        self._saved_s = monotonic()
        self._described, self._values = self._read()

    @property
    def history(self) -> dict[str, list[float]]:
        """Return what was recorded before."""
        return dict(self._described.get("history", {}))

    @property
    def initial_epoch(self) -> int:
        """Return how many epochs are done."""
        return len(self.history.get("loss", []))

    @property
    def finished(self) -> bool:
        """Return whether the fit had ended by itself."""
        return bool(self._described.get("finished"))

    def _read(self) -> tuple[dict[str, Any], list[Any]]:
        if self._every_s is None or not self._path.is_file():
            return {}, []
        with np.load(self._path, allow_pickle=False) as archive:
            described = json.loads(str(archive["described"]))
            if described["fit_id"] != self._fit_id:
                return {}, []
            return described, [archive[f"v{i}"] for i in range(len(archive.files) - 1)]

    def _variables(self) -> list[keras.Variable]:
        return [*self.model.variables, *self.model.optimizer.variables]

    def on_train_begin(self, logs: Logs = None) -> None:
        """Give back what was saved, now that the other callbacks have set themselves up."""
        if not self._described:
            return
        self.model.optimizer.build(self.model.trainable_variables)
        for variable, value in zip(self._variables(), self._values, strict=True):
            variable.assign(value)
        self._values = []
        self._log.history.update(self.history)
        for callback, remembered in zip(self._others, self._described["callbacks"], strict=True):
            for name, value in remembered.items():
                setattr(callback, name, value)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Save, unless that was done a moment ago."""
        if self._every_s is not None and monotonic() - self._saved_s >= self._every_s:
            self._save(finished=False)

    def on_train_end(self, logs: Logs = None) -> None:
        """Save that the fit is done."""
        if self._every_s is not None:
            self._save(finished=True)

    def _save(self, *, finished: bool) -> None:
        described = {
            "fit_id": self._fit_id,
            "finished": finished,
            "history": self._log.history,
            "callbacks": [
                {name: _plain(value) for name, value in vars(callback).items() if name in _REMEMBERED}
                for callback in self._others
            ],
        }
        # Of a fit that is done, its history is enough: the best weights have a file of their own.
        variables = [] if finished else self._variables()
        values = {f"v{i}": np.asarray(variable) for i, variable in enumerate(variables)}
        with whole_file(self._path, private=True) as file:
            np.savez(file, allow_pickle=False, described=np.array(json.dumps(described)), **values)
        self._saved_s = monotonic()


def _plain(value: Any) -> float | int | None:
    """Return a number that JSON can hold."""
    return None if value is None else int(value) if isinstance(value, int | np.integer) else float(value)
