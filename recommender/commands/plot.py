"""``plot``: pictures of audio."""

from functools import partial
from typing import Annotated, Literal

import typer

from recommender.commands.options import AsJson, AudioFile, PictureFile, check_ending, home_of

plot = typer.Typer(help="Draw pictures of audio.", no_args_is_help=True, rich_markup_mode=None)


@plot.callback()
def _group() -> None:
    """Draw pictures of audio."""


@plot.command(short_help="Draw the mel bands or MFCCs of a clip.")
def features(
    context: typer.Context,
    file: AudioFile,
    output: PictureFile,
    kind: Annotated[
        Literal["mel", "mfcc"],
        typer.Option("--kind", help="Mel spectrogram in dB, or the 40 MFCCs of it."),
    ] = "mel",
    start: Annotated[float, typer.Option("--start", min=0, help="Second at which the clip begins.")] = 0.0,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="Its length at most.")] = 30.0,
    as_json: AsJson = False,
) -> None:
    """Draw the features of a clip, from -20 (dark) to 80 (bright), as the study of this project did.

    22,050 Hz, n_fft 2048, hop_length 512, 128 mel bands.
    """
    from classifier.plotting.clip_features import clip_features
    from classifier.plotting.evaluation import draw_features
    from recommender.commands.output import printable, say, show_json
    from recommender.library.file_reader import FileReader

    check_ending(output, "-o", ".png")
    drawn = partial(clip_features, kind=kind, start_s=start, seconds=seconds)
    with FileReader(None, home_of(context).path) as reader:
        found, front_end = reader.do(drawn, str(file))
    draw_features(found, front_end.rate_hz, front_end.hop_length, kind, output)
    drawn_s = len(found) * front_end.hop_length / front_end.rate_hz
    if as_json:
        show_json({"picture": str(output), "kind": kind, "start_s": start, "seconds": round(drawn_s, 2)})
    else:
        say(f"{drawn_s:.1f} s drawn in {printable(str(output))}")
