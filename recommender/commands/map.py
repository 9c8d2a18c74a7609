"""``map``: the catalogue in two dimensions, as a picture."""

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, PictureFile, Seed, check_ending, home_of

if TYPE_CHECKING:
    from recommender.map.colours import MapClasses
    from recommender.map.layout import MapPoint
    from recommender.map.regions import Region


class Colouring(enum.StrEnum):
    """What the colours mean."""

    LABEL = "label"
    DECADE = "decade"
    TEMPO = "tempo"
    PLAYS = "plays"


def map_(
    context: typer.Context,
    output: PictureFile,
    size: Annotated[
        int, typer.Option("--size", min=300, max=4000, help="Width of the picture, in pixels.")
    ] = 1200,
    titles: Annotated[
        bool, typer.Option("--titles/--no-titles", help="Write titles where there is room for them.")
    ] = True,
    colour: Annotated[
        Colouring, typer.Option("--colour", "--color", help="What the colours mean.")
    ] = Colouring.LABEL,
    regions: Annotated[
        bool, typer.Option("--regions/--no-regions", help="Write the names of the map's areas.")
    ] = True,
    seed: Seed = 0,
    anew: Annotated[
        bool, typer.Option("--anew", help="Lay all of it out anew, and keep that, also for the page.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Draw the catalogue in two dimensions: songs that sound alike lie near each other (t-SNE).

    Coloured by your labels or, for songs without one, by the model's genre, grey where it is unsure, or hears
    no music; or by decade, tempo or plays, the darker the more. Areas where many songs lie together are
    named. Songs stay where they are on the page's map; new ones are put among those that are like them.
    """
    from recommender.commands.output import printable, say, show_json
    from recommender.map.layout import map_points
    from recommender.map.places import kept_layout
    from recommender.map.regions import map_regions

    check_ending(output, "-o", ".png")
    home = home_of(context)
    bundle = home.bundle()
    catalog = home.existing_catalog()
    with catalog.transaction() as session:
        layout = kept_layout(session, bundle, seed, anew=anew)
        points = map_points(session, bundle, layout.track_ids, layout.points)
        areas = map_regions(session, bundle, layout.track_ids, layout.points)
    if anew:
        with catalog.change() as session:
            layout.keep(session)
    _draw(points, areas if regions else [], _classes(points, colour), output, size, titles=titles)
    if as_json:
        show_json(_as_json(points, areas, output, seed))
    else:
        say(f"{len(points)} tracks drawn in {printable(str(output))}")


def _classes(points: "list[MapPoint]", colour: Colouring) -> "MapClasses":
    from recommender.map.colours import decade_classes, label_classes, play_classes, tempo_classes
    from recommender.map.plot import MOST_COLOURS

    if colour is Colouring.DECADE:
        return decade_classes([point.year for point in points])
    if colour is Colouring.TEMPO:
        return tempo_classes([point.tempo_bpm for point in points])
    if colour is Colouring.PLAYS:
        return play_classes([point.plays for point in points])
    return label_classes([point.genre for point in points], MOST_COLOURS)


def _draw(
    points: "list[MapPoint]",
    regions: "list[Region]",
    classes: "MapClasses",
    output: Path,
    size: int,
    *,
    titles: bool,
) -> None:
    import numpy as np

    from recommender.map.plot import draw_map

    draw_map(
        np.array([(p.x, p.y) for p in points]),
        classes,
        [p.title if titles else "" for p in points],
        output,
        regions=regions,
        size_px=size,
        heading=f"{len(points)} tracks by sound",
    )


def _as_json(points: "list[MapPoint]", regions: "list[Region]", output: Path, seed: int) -> dict[str, Any]:
    from dataclasses import asdict

    from recommender.presentation.map_answers import regions_json

    rows = [asdict(point) for point in points]
    return {
        "picture": str(output),
        "seed": seed,
        "tracks": [{**row, "x": round(row["x"], 4), "y": round(row["y"], 4)} for row in rows],
        "regions": regions_json(regions),
    }
