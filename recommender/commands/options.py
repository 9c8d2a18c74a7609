"""Options that several commands share, and the home directory that all of them use."""

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer.models import TyperPath

if TYPE_CHECKING:
    from recommender.home import Home

Given = TypeVar("Given", Path | None, list[Path])


class NamedFolder(TyperPath):
    """A folder that has a name: an empty one, as of a variable that is not set, would be the current one."""

    def __init__(self) -> None:
        super().__init__(file_okay=False)

    def convert(self, value: str | os.PathLike[str], param: Any, ctx: Any) -> Any:
        """Return the folder; refuse an empty name."""
        if not os.fspath(value):
            self.fail("it is empty; name a folder, or leave it out", param, ctx)
        return super().convert(value, param, ctx)


def only_folders(given: Given) -> Given:
    """Refuse a pipe or a device where a folder is wanted: `file_okay` is about plain files alone.

    Raises
    ------
    typer.BadParameter
        That names it.
    """
    for path in given if isinstance(given, list) else [given]:
        if path is not None and path.exists() and not path.is_dir():
            raise typer.BadParameter(f"'{path}' is a pipe or a device, no folder.")
    return given


def only_numbers(given: float | None) -> float | None:
    """Refuse ``nan``, which is within every range.

    Raises
    ------
    typer.BadParameter
        That says so.
    """
    if given is not None and math.isnan(given):
        raise typer.BadParameter("nan is no number.")
    return given


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, to stdout.")]
Folders = Annotated[
    list[Path],
    typer.Argument(
        metavar="DIR...", exists=True, file_okay=False, callback=only_folders, help="Folders of music."
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="GLOB",
        help="Leave out what fits this pattern, written as in a .gitignore file; a file .deepcutsignore in a "
        "folder keeps such patterns for good. Repeatable.",
    ),
]
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
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of every random choice.")]

AudioFile = Annotated[Path, typer.Argument(metavar="FILE", help="An audio file.")]
PictureFile = Annotated[Path, typer.Option("-o", "--output", metavar="FILE.png", help="Where to.")]

# What lists of songs have in common.
N = Annotated[int, typer.Option("-n", min=1, help="How many songs.")]
HubCorrection = Annotated[
    bool,
    typer.Option(
        "--hub-correction/--no-hub-correction",
        help="Free the scores of songs that are near everything, or rank by plain cosines.",
    ),
]
Discover = Annotated[
    float,
    typer.Option(
        "--discover",
        min=0.0,
        max=1.0,
        callback=only_numbers,
        metavar="0..1",
        help="Favour the rarely played: score × (1 − d × (1 − rarity)), rarity = 1 / (1 + ln(1 + plays)).",
    ),
]
Diversity = Annotated[
    float,
    typer.Option(
        "--diversity",
        min=0.0,
        max=1.0,
        callback=only_numbers,
        metavar="0..1",
        help="Avoid songs of one kind (marginal relevance).",
    ),
]
PerArtist = Annotated[
    int | None,
    typer.Option(
        "--per-artist",
        min=0,
        help="At most so many of one artist; 0 for no limit.",
        show_default="3 in 10, if that fills the list",
    ),
]
PerAlbum = Annotated[
    int | None,
    typer.Option(
        "--per-album",
        min=0,
        help="At most so many of one album; 0 for no limit.",
        show_default="2 in 10, if that fills the list",
    ),
]
ExcludeSameArtist = Annotated[
    bool, typer.Option("--exclude-same-artist", help="No songs by the artists of the queries.")
]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Also write the list as a playlist: .m3u8 (relative paths), .csv or .json; see playlist.",
    ),
]
Keep = Annotated[
    str | None,
    typer.Option(
        "--keep",
        metavar="NAME",
        help="Also keep the list as a playlist of this name, filled anew whenever it is out of date.",
    ),
]


def check_ending(path: Path, hint: str, *endings: str) -> None:
    """Refuse a file of another kind."""
    if path.suffix.lower() not in endings:
        raise typer.BadParameter(f"{path} must end in {' or '.join(endings)}", param_hint=hint)


def home_of(context: typer.Context) -> "Home":
    """Return the home directory that the global options name, its catalogue where they say.

    One that an earlier version left open to others is closed to them.
    """
    from recommender.commands.output import printable, say
    from recommender.home import Home, default_home
    from recommender.private import close_to_others

    chosen: tuple[Path | None, str | None] = context.obj
    path, database = chosen
    home = Home(path or default_home(), database)
    context.call_on_close(home.close)
    remark = close_to_others(home.path)
    if remark is not None:
        say(printable(remark))
    return home
