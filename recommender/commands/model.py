"""``model``: networks that a user brings, beside the one that comes with deepcuts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.commands.options import AsJson, home_of

if TYPE_CHECKING:
    from recommender.models.add import AddedModel

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
        use_and_print(home, home.find_bundle(bundle_name(home, name)), as_json=as_json)


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
