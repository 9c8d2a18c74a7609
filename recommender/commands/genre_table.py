"""The table of precision, recall and F1 that `train` and `evaluate classifier` print."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from classifier.training.metrics import Evaluation


def tell_genres(songs: "Evaluation") -> None:
    """Show precision, recall and F1 of every genre."""
    from recommender.commands.output import show_table

    rows = [
        (s.label, str(s.songs), f"{s.precision:.2f}", f"{s.recall:.2f}", f"{s.f1:.2f}")
        for s in songs.per_label
    ]
    show_table(("genre", "songs", "precision", "recall", "F1"), rows)
