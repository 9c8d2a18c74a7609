"""What the figures of a training are worth: what limits them, and where they are worth nothing."""

from collections.abc import Sequence
from typing import Final

from classifier.datasets.songs import LabelledSong, label_units
from classifier.errors import TrainingDataError
from classifier.training.fit_calibration import by_chance
from classifier.training.held_out import HeldOut

BY_CHANCE: Final = "songs that were not trained on are told apart no better than by chance"


def limits_of(songs: Sequence[LabelledSong]) -> list[str]:
    """Return what limits the figures of these songs, one sentence each."""
    units = label_units([s.label for s in songs], [s.group for s in songs])
    return [
        f"all songs of '{label}' are by one artist, so none of them could be tested: they count as missed, "
        "and the calibration rests on the others"
        for label, n in sorted(units.items())
        if n < 2
    ]


def chance_of(said: HeldOut) -> list[str]:
    """Return a sentence where songs held out were told apart no better than by chance."""
    return [f"{BY_CHANCE}: its probabilities are not calibrated, and mean little"] if by_chance(said) else []


def check_worth(said: HeldOut) -> None:
    """Raise `TrainingDataError` where nothing that was learned helps with songs that were not trained on."""
    if not said.tested().any():
        raise TrainingDataError("no song could be tested: the artists' songs are too unevenly spread")
    if by_chance(said):
        raise TrainingDataError(
            f"{BY_CHANCE} ({said.songs().accuracy:.0%} of {len(said.names)} right), so that no probability "
            "would mean anything; more songs may help, or genres that differ by their sound"
        )
