"""Options that several commands share, and the home directory that all of them use."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from recommender.home import Home

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, to stdout.")]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", "-j", min=1, help="Worker processes.", show_default="one a processor"),
]
Labels = Annotated[
    str,
    typer.Option(
        "--labels",
        metavar="none|folders|names|tags|FILE.csv",
        help="Where genre labels come from: nowhere, the folders below DIR, file names up to the "
        "first dot, the files' genre tags, or a CSV with the columns path and label.",
    ),
]
LabelDepth = Annotated[
    int, typer.Option("--label-depth", min=1, help="Join this many folders to a label, with '/'.")
]

Data = Annotated[
    Path | None,
    typer.Argument(
        metavar="[DIR|FILE.csv]",
        exists=True,
        help="A labelled folder, or a CSV with the columns path, label and perhaps group; without it, "
        "the catalogue's labelled tracks.",
    ),
]
Folds = Annotated[
    int | None,
    typer.Option("--folds", min=2, help="Folds of the cross-validation.", show_default="5 or fewer"),
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of every random choice.")]


def home_of(context: typer.Context) -> "Home":
    """Return the home directory that the global option names."""
    from recommender.home import Home, default_home

    chosen: Path | None = context.obj
    return Home(chosen or default_home())
