"""``map``: the catalogue in two dimensions, as a picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, PictureFile, Seed, check_ending, home_of

if TYPE_CHECKING:
    from recommender.map.layout import MapPoint


def map_(
    context: typer.Context,
    output: PictureFile,
    size: Annotated[
        int, typer.Option("--size", min=300, max=4000, help="Width of the picture, in pixels.")
    ] = 1200,
    titles: Annotated[
        bool, typer.Option("--titles/--no-titles", help="Write titles where there is room for them.")
    ] = True,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Draw the catalogue in two dimensions: songs that sound alike lie near each other (t-SNE).

    Coloured by your labels or, for songs without one, by the model's genre; grey where it is unsure, or hears
    no music.
    """
    from recommender.commands.output import printable, say, show_json
    from recommender.map.layout import catalogue_map

    check_ending(output, "-o", ".png")
    home = home_of(context)
    bundle = home.bundle()
    with home.existing_catalog().transaction() as session:
        points = catalogue_map(session, bundle, seed)
    _draw(points, output, size, titles=titles)
    if as_json:
        show_json(_as_json(points, output, seed))
    else:
        say(f"{len(points)} tracks drawn in {printable(str(output))}")


def _draw(points: "list[MapPoint]", output: Path, size: int, *, titles: bool) -> None:
    import numpy as np

    from recommender.map.plot import draw_map

    draw_map(
        np.array([(p.x, p.y) for p in points]),
        [p.genre for p in points],
        [p.title if titles else "" for p in points],
        output,
        size_px=size,
        heading=f"{len(points)} tracks by sound",
    )


def _as_json(points: "list[MapPoint]", output: Path, seed: int) -> dict[str, Any]:
    from dataclasses import asdict

    rows = [asdict(point) for point in points]
    return {
        "picture": str(output),
        "seed": seed,
        "tracks": [{**row, "x": round(row["x"], 4), "y": round(row["y"], 4)} for row in rows],
    }
