"""``evaluate recommender``: how good the lists of a catalogue are, and what the hub correction does."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, Seed, home_of
from recommender.params import ALTERED_SONGS, EVALUATED_TRACKS, N_RESULTS

if TYPE_CHECKING:
    from recommender.evaluation.run import Evaluated


def recommender(
    context: typer.Context,
    k: Annotated[int, typer.Option("-k", min=1, help="Length of the lists.")] = N_RESULTS,
    sample: Annotated[
        int, typer.Option("--sample", min=2, help="Judge so many tracks at most, drawn at random.")
    ] = EVALUATED_TRACKS,
    robustness: Annotated[
        int,
        typer.Option(
            "--robustness",
            min=0,
            metavar="SONGS",
            help="Encode so many songs again, resample, change level and cut them, and look for them.",
        ),
    ] = ALTERED_SONGS,
    artist_filter: Annotated[
        bool,
        typer.Option(
            "--artist-filter/--no-artist-filter",
            help="Judge genres on lists without the query's artist, whose songs are too easy to find.",
        ),
    ] = True,
    seed: Seed = 0,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Write recommender.json and recommender.png."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the recommender on the catalogue itself, with and without each hub correction.

    Genres are the labels that ingest was given, else the files' genre tags; artists and albums are the tags'.
    """
    from recommender.commands.output import say, show_json
    from recommender.evaluation.run import warnings_of

    found = _run(context, k, sample, robustness, seed, artist_filter=artist_filter, quiet=as_json)
    answer = {**found.to_json(), "notes": list(warnings_of(found))}
    if output is not None:
        _write(found, answer, output)
    if as_json:
        show_json(answer)
        return
    _print(answer)
    for note in answer["notes"]:
        say(f"Note: {note}")


def _run(
    context: typer.Context,
    k: int,
    sample: int,
    altered: int,
    seed: int,
    *,
    artist_filter: bool,
    quiet: bool,
) -> "Evaluated":
    from recommender.commands.output import say
    from recommender.commands.progress import progress_bar
    from recommender.errors import RecommenderError
    from recommender.evaluation.run import evaluate_recommender
    from recommender.retrieval.index.store import open_index

    home = home_of(context)
    catalog, bundle = home.existing_catalog(), home.bundle()
    index, remark = open_index(catalog, home.index_dir, bundle.trunk_id)
    if remark:
        say(remark)
    if len(index.rows.track_ids) < 2:
        raise RecommenderError(
            "the catalogue holds fewer than two analysed tracks: there is nothing to judge"
        )
    ranks = progress_bar("Ranking", quiet=quiet, unit="songs")
    copies = progress_bar("Altering", quiet=quiet, unit="copies")
    with catalog.transaction() as session, ranks as ranking, copies as altering:
        return evaluate_recommender(
            session,
            index,
            bundle,
            k=k,
            at_most=sample,
            altered_songs=altered,
            seed=seed,
            artist_filter=artist_filter,
            progress=ranking,
            altering=altering,
        )


def _write(found: "Evaluated", answer: dict[str, Any], folder: Path) -> None:
    import json

    from classifier.errors import in_words
    from classifier.files import replace_file
    from recommender.errors import RecommenderError
    from recommender.evaluation.run import draw

    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / "recommender.json", json.dumps(answer, indent=2).encode())
    except OSError as error:
        raise RecommenderError(f"{folder} cannot be written: {in_words(error)}") from error
    draw(found, folder / "recommender.png")


FIGURES = (
    ("genre_precision", "same genre"),
    ("genre_ndcg", "nDCG"),
    ("artist_recall", "artist found"),
    ("album_recall", "album found"),
    ("coverage", "coverage"),
    ("in_no_list", "in no list"),
    ("skewness", "skewness"),
    ("gini", "Gini"),
    ("plays_correlation", "ρ plays"),
    ("duration_correlation", "ρ length"),
    ("novelty", "novelty"),
)


def _print(answer: dict[str, Any]) -> None:
    from recommender.commands.output import show_table

    rows = [
        (method["method"], *(_figure(method[name]) for name, _ in FIGURES)) for method in answer["methods"]
    ]
    title = f"Lists of {answer['k']} for {answer['tracks']} tracks; the last is how similar ranks"
    show_table(("hub correction", *(words for _, words in FIGURES)), rows, title, highlight=len(rows) - 1)
    if answer["discover"]:
        points = [
            (f"{p['discover']:g}", _figure(p["novelty"]), _figure(p["genre_precision"]))
            for p in answer["discover"]
        ]
        show_table(("--discover", "novelty", "same genre"), points)
    if answer["robustness"]:
        copies = [
            (s["kind"], str(s["songs"]), _figure(s["share_first"]), _figure(s["share_in_top_10"]))
            for s in answer["robustness"]
        ]
        show_table(("copy", "songs", "original first", "in the first ten"), copies)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
