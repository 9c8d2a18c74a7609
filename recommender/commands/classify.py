"""``classify``: what files sound like, without a catalogue."""

from pathlib import Path
from typing import Annotated, Any

import typer

from recommender.commands.options import AsJson, home_of
from recommender.params import SHOWN_GENRES, SHOWN_TAGS


def classify(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Audio files.")],
    as_json: AsJson = False,
) -> None:
    """Say what files sound like: genres and tags, for the whole song and every 30 s of it.

    Needs no catalogue; uses the active bundle, else the shipped one.
    """
    from recommender.commands.output import EXIT_SOME_FAILED, show_json
    from recommender.library.file_reader import FileReader
    from recommender.library.workers.tasks import analyse
    from recommender.presentation.sound import classify_answer

    home = home_of(context)
    bundle = home.bundle()
    with FileReader(bundle, home.path) as reader:
        answers = [classify_answer(bundle, str(file), reader.attempt(analyse, str(file))) for file in files]
    if as_json:
        show_json(answers)
    else:
        for answer in answers:
            _print(answer)
    if any("error" in answer for answer in answers):
        raise typer.Exit(EXIT_SOME_FAILED)


def _print(answer: dict[str, Any]) -> None:
    from recommender.commands.output import label_in_words, percent, printable, say, show, show_table
    from recommender.presentation.measures import measures_in_words
    from recommender.presentation.text import clock

    path = printable(answer["path"])
    if "error" in answer:
        say(f"Failed: {path}: {answer['error']['message']}")
        return
    show(f"{path} ({clock(answer['duration_s'])}): {label_in_words(answer)}")
    if answer["tags"]:
        show(f"  tags:   {percent(answer['tags'], SHOWN_TAGS)}")
    show(f"  genres: {percent(answer['genres'], SHOWN_GENRES)}")
    if measured := measures_in_words(answer, confidence=True):
        show(f"  sound:  {', '.join(measured)}")
    for warning in answer["warnings"]:
        say(f"Warning: {path}: {warning}")
    rows = [
        (
            f"{clock(segment['start_s'])}-{clock(segment['end_s'])}",
            "silent" if segment["silent"] else percent(segment["tags"], SHOWN_TAGS),
            "" if segment["silent"] else percent(segment["genres"], SHOWN_GENRES),
        )
        for segment in answer["segments"]
    ]
    show_table(("passage", "tags", "genres"), rows)
