"""``map``: the catalogue in two dimensions, as a picture."""

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, PictureFile, Seed, check_ending, home_of

if TYPE_CHECKING:
    from recommender.map.colours import MapClasses
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
    from db.listening.map_places import map_facts
    from recommender.commands.output import counted, printable, say, show_json
    from recommender.map.library_map import library_map
    from recommender.map.places import kept_layout
    from recommender.presentation.map_answers import map_answer

    check_ending(output, "-o", ".png")
    home = home_of(context)
    bundle = home.bundle()
    catalog = home.existing_catalog()
    with catalog.transaction() as session:
        layout = kept_layout(session, bundle, seed, anew=anew)
        drawn = library_map(session, bundle, layout)
        answer = map_answer(drawn, map_facts(session))
    if anew:
        with catalog.change() as session:
            layout.keep(session)
    songs = answer["tracks"]
    _draw(songs, drawn.regions if regions else [], _classes(songs, colour), output, size, titles=titles)
    if as_json:
        show_json({"picture": str(output), "seed": seed, "tracks": songs, "regions": answer["regions"]})
    else:
        say(f"{counted(len(songs), 'track')} drawn in {printable(str(output))}")


def _classes(songs: list[dict[str, Any]], colour: Colouring) -> "MapClasses":
    from recommender.map.colours import decade_classes, label_classes, play_classes, tempo_classes
    from recommender.map.plot import MOST_COLOURS

    if colour is Colouring.DECADE:
        return decade_classes([song["year"] for song in songs])
    if colour is Colouring.TEMPO:
        return tempo_classes([song["tempo_bpm"] for song in songs])
    if colour is Colouring.PLAYS:
        return play_classes([song["plays"] for song in songs])
    return label_classes([song["genre"] for song in songs], MOST_COLOURS)


def _draw(
    songs: list[dict[str, Any]],
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
        np.array([(song["x"], song["y"]) for song in songs]),
        classes,
        [song["title"] if titles else "" for song in songs],
        output,
        regions=regions,
        size_px=size,
        heading=f"{len(songs)} tracks by sound",
    )
