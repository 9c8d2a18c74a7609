"""``explain``: which seconds and bands of a song drove a genre."""

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, AudioFile, check_ending, home_of

if TYPE_CHECKING:
    from classifier.explanation.explanation import Explanation
    from recommender.home import Home

SHOWN_BANDS = 3


def explain(
    context: typer.Context,
    file: AudioFile,
    genre: Annotated[
        str | None,
        typer.Option("--genre", metavar="NAME", help="Which genre.", show_default="the most probable"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE.png", help="Draw it over the log-mel.")
    ] = None,
    clip: Annotated[
        Path | None,
        typer.Option(
            "--clip", metavar="FILE.wav", help="Cut the most decisive seconds from the original audio."
        ),
    ] = None,
    clip_s: Annotated[
        float | None,
        typer.Option("--clip-s", min=0.5, help="Seconds of a decisive passage.", show_default="5"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say why a song has a genre: the seconds and the frequencies that drove it.

    Needs no catalogue; uses the active bundle, else the shipped one.
    """
    from recommender.commands.output import say, show_json

    _check_target(output, ".png", "-o", file)
    _check_target(clip, ".wav", "--clip", file)
    explanation = _explain(home_of(context), file, genre, clip_s, quiet=as_json)
    for warning in explanation.warnings:
        say(f"Warning: {file}: {warning}")
    if output is not None:
        from classifier.plotting.explanation import draw_explanation

        draw_explanation(explanation, output, file.stem)
    if clip is not None:
        _write_clip(home_of(context), explanation, file, clip)
    if as_json:
        show_json({"path": str(file), **explanation.describe()})
    else:
        _print(file, explanation)


def _check_target(target: Path | None, suffix: str, option: str, source: Path) -> None:
    """Refuse an output of another kind, in no folder, or that would replace the song."""
    from recommender.errors import RecommenderError

    if target is None:
        return
    check_ending(target, option, suffix)
    if os.path.exists(target) and os.path.exists(source) and os.path.samefile(target, source):
        raise typer.BadParameter(f"{target} is the song itself", param_hint=option)
    if not target.parent.is_dir():
        raise RecommenderError(f"{target} cannot be written: its folder does not exist")


def _explain(
    home: "Home", file: Path, genre: str | None, clip_s: float | None, *, quiet: bool
) -> "Explanation":
    from classifier import params
    from classifier.audio.quiet import quiet_stderr
    from classifier.explanation.explain_song import check_explainable, explain_song, genre_index
    from classifier.model.inference import Trunk
    from recommender.commands.progress import progress_bar
    from recommender.library.file_reader import FileReader
    from recommender.library.sheet_parts import range_at

    bundle = home.bundle()
    check_explainable(bundle)
    chosen = genre_index(bundle, genre) if genre is not None else None
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with FileReader(bundle, home.path) as reader:
        analysis = reader.analyse(str(file))  # what is wrong with it is said before TensorFlow is loaded
    trunk = Trunk(bundle)
    with quiet_stderr():
        from classifier.explanation.attribution import Explainer

        explainer = Explainer(bundle)
    with progress_bar("Explaining", quiet=quiet, unit="segments") as move:
        seconds, source = clip_s or params.EXPLAIN_PASSAGE_S, range_at(str(file))
        within = (source.start_s, source.end_s)
        return explain_song(trunk, explainer, Path(source.path), analysis, chosen, seconds, move, within)


def _write_clip(home: "Home", explanation: "Explanation", file: Path, clip: Path) -> None:
    from classifier.audio.excerpt import wav_of
    from classifier.errors import in_words
    from classifier.files import replace_file
    from recommender.errors import RecommenderError
    from recommender.library.file_reader import FileReader
    from recommender.library.sheet_parts import range_at

    first = explanation.passages[0]
    source = range_at(str(file))
    start_s, end_s = source.within(first.start_s, first.end_s)
    cut = partial(wav_of, start_s=start_s, end_s=end_s)
    with FileReader(None, home.path) as reader:
        content = reader.do(cut, source.path)
    try:
        replace_file(clip, content)
    except OSError as error:
        raise RecommenderError(f"{clip} cannot be written: {in_words(error)}") from error


def _print(file: Path, explanation: "Explanation") -> None:
    from recommender.commands.output import printable, show, show_table
    from recommender.presentation.text import clock

    genre, probability = explanation.genre, explanation.probability
    show(f"{printable(str(file))} ({clock(explanation.duration_s)}): {genre} {_percent(probability)}")
    rows = [
        (f"{clock(p.start_s)}-{clock(p.end_s)}", f"{p.effect:+.2f}", _percent(p.probability_without))
        for p in explanation.passages
    ]
    show_table(("passage", "adds (nats)", f"{genre} without it"), rows)
    show(f"  bands: {_bands(explanation)}")


def _bands(explanation: "Explanation") -> str:
    """Name the ranges of frequency that add most, the strongest first."""
    grouped = explanation.bands.grouped()
    found: list[Any] = sorted(zip(grouped.effects, grouped.edges_hz, strict=True), key=lambda pair: -pair[0])
    above = [(effect, *edges) for effect, edges in found[:SHOWN_BANDS] if effect > 0]
    shown = [f"{low:.0f}-{high:.0f} Hz {effect:+.2f}" for effect, low, high in above]
    return ", ".join(shown) or "none adds to it"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
