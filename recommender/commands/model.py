"""``model``: networks that a user brings, beside the one that comes with deepcuts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.commands.options import AsJson, Data, Jobs, LabelDepth, Labels, home_of, only_folders

if TYPE_CHECKING:
    from classifier.model.bundle import Bundle
    from recommender.models.add import AddedModel
    from recommender.training.calibrate import CalibratedModel

Name = Annotated[str, typer.Argument(metavar="NAME", help="As model list has it; or the id of a bundle.")]

model = typer.Typer(help="Bring, list and choose models.", no_args_is_help=True, rich_markup_mode=None)


@model.callback()
def _group() -> None:
    """Bring, list and choose models."""


@model.command()
def add(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.onnx",
            exists=True,
            dir_okay=False,
            help="A network that reads log-mel patches as Essentia's msd-musicnn-1 and "
            "discogs-effnet-bsdynamic-1 do.",
        ),
    ],
    metadata: Annotated[
        Path | None,
        typer.Option(
            "--metadata",
            metavar="FILE.json",
            exists=True,
            dir_okay=False,
            help="What its outputs mean, in the form of Essentia's model zoo.",
            show_default="the .json of the same name beside it",
        ),
    ] = None,
    heads: Annotated[
        list[Path] | None,
        typer.Option(
            "--head",
            metavar="FILE.onnx",
            exists=True,
            dir_okay=False,
            help="A network that reads its embeddings, its .json beside it; may be given several times.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="What to call it.", show_default="the name of the file"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring a published model in; it is not used before model use.

    It is looked at and tried in a process of its own, and taken whole or not at all.
    """
    from recommender.commands.output import printable, say, show_json
    from recommender.models.add import add_model

    home = home_of(context)
    with home.writer_lock():
        added = add_model(home, file, metadata, heads or [], name)
    for note in added.notes:
        say(f"Note: {printable(note)}")
    if as_json:
        show_json(_as_json(added))
    else:
        _print_added(added)


def _as_json(added: "AddedModel") -> dict[str, object]:
    bundle = added.bundle
    return {
        **added.record,
        "bundle_id": bundle.bundle_id,
        "trunk_id": bundle.trunk_id,
        "labels": list(bundle.labels),
        "tags": list(bundle.tag_names),
        "facets": bundle.taxonomy.facet_names(),
        "embedding_size": bundle.embedding_size,
        "seconds_a_minute": round(added.seconds_a_minute, 4),
        "bytes_a_minute": added.bytes_a_minute,
        "notes": list(added.notes),
    }


def _print_added(added: "AddedModel") -> None:
    from recommender.commands.output import printable, show

    bundle, told = added.bundle, added.record
    facets = [f"{facet} {len(names)}" for facet, names in bundle.taxonomy.facet_names().items()]
    top = {label.partition("/")[0] for label in bundle.labels}
    show(
        f"{added.name} is here: {bundle.bundle_id} ({printable(told['called'])} {printable(told['version'])})"
    )
    show(
        f"  {len(bundle.labels)} genres below {len(top)}; {', '.join(facets) or 'no facets'}; "
        f"an embedding of {bundle.embedding_size:,}"
    )
    show(f"  reads {told['patches']}; level: {told['level']}")
    show(
        f"  a minute of music takes {added.seconds_a_minute:.2f} s of one processor beside decoding, "
        f"and {added.bytes_a_minute / 1000:,.0f} kB"
    )
    licences: dict[str, list[str]] = {}
    for part in (told, *told["heads"]):
        licences.setdefault(part["licence"], []).append(part["file"])
    for licence, files in licences.items():
        show(f"  licence of {printable(', '.join(files))}: {printable(licence)}")
    show(f"Use it with: deepcuts model use {added.name}")


@model.command("list", short_help="List the models that are here, and which one is in use.")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the models: the shipped one, those that were brought, those that were trained here."""
    from dataclasses import asdict

    from recommender.commands.output import printable, say, show_json, show_table
    from recommender.models.listing import models

    home = home_of(context)
    rows = models(home, home.catalog_if_any())
    if as_json:
        show_json([asdict(row) for row in rows])
        return
    columns = ("", "model", "kind", "genres", "tags", "embedding", "tracks analysed", "licence")
    counted = [(f"{r.genres}", f"{r.tags}", f"{r.dimensions:,}", f"{r.tracks:,}") for r in rows]
    show_table(
        columns,
        [
            ("*" if row.active else "", row.name, row.kind, *numbers, row.licence or "")
            for row, numbers in zip(rows, counted, strict=True)
        ],
        highlight=next((number for number, row in enumerate(rows) if row.active), None),
    )
    for row in rows:
        if row.fault is not None:
            say(f"Warning: {printable(row.name)} cannot be used: {printable(row.fault)}")


@model.command(short_help="Use a model from now on; 'shipped' is the package's own.")
def use(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Use a model from now on; 'shipped' is the one that comes with deepcuts.

    Tracks that its network has not analysed yet wait for the next ingest. What another network said of
    them is kept, so that going back takes no analysis.
    """
    from recommender.commands.train import use_and_print
    from recommender.models.listing import bundle_name

    home = home_of(context)
    with home.writer_lock():
        chosen = home.find_bundle(bundle_name(home, name))
        use_and_print(home, chosen, as_json=as_json)
    _say_uncalibrated(chosen)


def _say_uncalibrated(chosen: "Bundle") -> None:
    """Say what a model that was brought does not know of itself."""
    from classifier.model.onnx_trunk import is_brought
    from recommender.commands.output import say

    known = chosen.calibration
    lacking = ["its probabilities are not calibrated"] if chosen.least_confidence is None else []
    lacking += ["it calls nothing 'not music'"] if known is None or known.detector is None else []
    if lacking and is_brought(chosen):
        say(f"Note: {' and '.join(lacking)}: see deepcuts model calibrate --help")


@model.command(short_help="Calibrate the brought model that is in use.")
def calibrate(
    context: typer.Context,
    data: Data = None,
    not_music: Annotated[
        Path | None,
        typer.Option(
            "--not-music",
            metavar="DIR",
            exists=True,
            file_okay=False,
            callback=only_folders,
            help="Sounds that are not music, a folder for each kind (rain, speech, …): at least two kinds.",
        ),
    ] = None,
    labels: Labels = "folders",
    label_depth: LabelDepth = 1,
    jobs: Jobs = None,
    as_json: AsJson = False,
) -> None:
    """Calibrate the brought model that is in use: when it is sure, and what is not music.

    Your labelled songs, none of which it learned from, say how far its probabilities can be trusted. Sounds
    that you give say, against the songs of the library, what it is to call "not music".
    """
    from recommender.commands.output import say_skipped, show_json
    from recommender.commands.training_options import training_data
    from recommender.models.remove import remove_model
    from recommender.training.calibrate import calibrate_model

    home = home_of(context)
    with home.writer_lock():
        songs = training_data(home, data, labels, label_depth, jobs, quiet=as_json)
        sounds = training_data(home, not_music, "folders", 1, jobs, quiet=as_json) if not_music else None
        done = calibrate_model(songs, sounds)
        if done.replaced != done.bundle.bundle_id:
            remove_model(home, home.catalog_if_any(), done.replaced)
    say_skipped([*songs.failures, *(sounds.failures if sounds else ())])
    if as_json:
        show_json(_calibrated_as_json(done))
    else:
        _print_calibrated(done)


def _calibrated_as_json(done: "CalibratedModel") -> dict[str, object]:
    from recommender.training.calibrate import detector_record, genres_record

    return {
        "name": done.bundle.training["model"]["name"],
        "bundle_id": done.bundle.bundle_id,
        "trunk_id": done.bundle.trunk_id,
        "genres": genres_record(done.genres) if done.genres else None,
        "labels_left_out": dict(done.genres.left_out) if done.genres else {},
        "too_few": done.too_few,
        "not_music": detector_record(done.detector) if done.detector else None,
        "songs_passed_over": done.passed_over,
        "segments_predicted": done.segments_predicted,
        "tracks_to_analyse": done.tracks_to_analyse,
    }


def _print_calibrated(done: "CalibratedModel") -> None:
    from recommender.commands.output import printable, say, show

    genres, detector = done.genres, done.detector
    if genres is not None and genres.left_out:
        names = ", ".join(f"{label} ({songs})" for label, songs in genres.left_out.items())
        say(f"Note: the model has no genre of these labels (songs): {printable(names)}")
    if done.too_few is not None:
        say(f"Note: {done.too_few}: its probabilities stay as they are")
    if done.passed_over:
        say(f"Note: {done.passed_over} tracks that are no music by the shipped model are not learned from")
    show(f"{done.bundle.training['model']['name']} is calibrated: {done.bundle.bundle_id}")
    if genres is not None:
        helped = "" if genres.temperature != 1.0 else "; no temperature helped, and none is used"
        show(f"  {genres.songs} songs of {genres.genres} genres, {genres.accuracy:.0%} right at the top")
        show(
            f"  what they are labelled with costs {genres.loss_before:.2f} nats, and {genres.loss_after:.2f} "
            f"at the temperature that other artists' songs ask for{helped}"
        )
        show(
            f"  temperature {genres.temperature:.2f}; unsure where no label has {genres.least_confidence:.0%}"
        )
    if detector is not None:
        show(
            f"  not music: {detector.sounds} sounds of {detector.kinds} kinds, {detector.music} songs; "
            f"held out, {detector.told:.0%} of the sounds and {detector.wrong:.1%} of the songs are called so"
        )


@model.command(short_help="Remove a model that is not in use.")
def remove(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Remove a model that is not in use, and what its network said of the tracks."""
    from dataclasses import asdict

    from recommender.commands.output import printable, show, show_json
    from recommender.models.remove import remove_model

    home = home_of(context)
    with home.writer_lock():
        removed = remove_model(home, home.catalog_if_any(), name)
    if as_json:
        show_json(asdict(removed))
    else:
        show(f"{printable(removed.name)} is removed, and what it said of {removed.segments:,} segments.")
