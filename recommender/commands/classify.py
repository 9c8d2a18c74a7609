"""``classify``: what files sound like, without a catalogue."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, home_of
from recommender.params import SHOWN_GENRES, SHOWN_TAGS

if TYPE_CHECKING:
    from classifier.analysis import SegmentAnalysis
    from classifier.bundle import Array, Bundle
    from classifier.serve import Trunk

JSON_TAGS = 10


def classify(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Audio files.")],
    as_json: AsJson = False,
) -> None:
    """Say what files sound like: genres and tags, for the whole song and every 30 s of it.

    Needs no catalogue; uses the active bundle, else the shipped one.
    """
    from classifier.serve import Trunk
    from recommender.commands.output import EXIT_SOME_FAILED, show_json

    trunk = Trunk(home_of(context).bundle())
    answers = [_classify(trunk, file) for file in files]
    if as_json:
        show_json(answers)
    else:
        for answer in answers:
            _tell(answer)
    if any("error" in answer for answer in answers):
        raise typer.Exit(EXIT_SOME_FAILED)


def _classify(trunk: "Trunk", file: Path) -> dict[str, Any]:
    from classifier.errors import AudioError
    from classifier.songs import most_representative
    from recommender.describe import judgement, named, sound_of

    bundle = trunk.bundle
    try:
        analysis = trunk.analyse_file(file)
    except AudioError as error:
        return {"path": str(file), "error": {"kind": error.kind, "message": str(error)}}
    tags, embeddings, durations = analysis.features()
    of_segments = bundle.genres(tags, embeddings)
    sound = sound_of(bundle, tags, embeddings, durations, of_segments)
    heard = iter(zip(of_segments, tags, strict=True))
    loud = [segment for segment in analysis.segments if not segment.silent]
    preview = loud[most_representative(embeddings, durations)]
    return {
        "path": str(file),
        "duration_s": round(analysis.duration_s, 3),
        **judgement(sound, bundle),
        "tags": named(bundle.tag_names, sound.tags, JSON_TAGS),
        "preview": {"start_s": round(preview.start_s, 3), "end_s": round(preview.end_s, 3)},
        "warnings": analysis.warnings,
        "segments": [
            _segment_json(segment, bundle, None if segment.silent else next(heard))
            for segment in analysis.segments
        ],
    }


def _segment_json(
    segment: "SegmentAnalysis", bundle: "Bundle", heard: "tuple[Array, Array] | None"
) -> dict[str, Any]:
    from recommender.describe import named

    return {
        "start_s": round(segment.start_s, 3),
        "end_s": round(segment.end_s, 3),
        "level_dbfs": round(segment.level_dbfs, 1),
        "silent": segment.silent,
        "genres": named(bundle.labels, heard[0]) if heard else [],
        "tags": named(bundle.tag_names, heard[1], JSON_TAGS) if heard else [],
    }


def _tell(answer: dict[str, Any]) -> None:
    from recommender.commands.output import clock, label_in_words, percent, printable, say, show, show_table

    path = printable(answer["path"])
    if "error" in answer:
        say(f"Failed: {path}: {answer['error']['message']}")
        return
    show(f"{path} ({clock(answer['duration_s'])}): {label_in_words(answer)}")
    if answer["tags"]:
        show(f"  tags:   {percent(answer['tags'], SHOWN_TAGS)}")
    show(f"  genres: {percent(answer['genres'], SHOWN_GENRES)}")
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
