"""``check``: whether a home is whole, and what to do where it is not."""

from dataclasses import asdict
from typing import Annotated

import typer

from recommender.commands.options import AsJson, home_of


def check(
    context: typer.Context,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Mend what is wrong, where nothing can be lost by it."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Examine the home: catalogue, index, bundles, leftovers, permissions; one line for each thing.

    Exit code 1 where something is wrong, and was not mended.
    """
    from recommender.commands.output import printable, show, show_json
    from recommender.upkeep.check import check as examine
    from recommender.upkeep.findings import WRONG

    home = home_of(context)
    found = examine(home, repair=repair)
    wrong = any(finding.state == WRONG for finding in found)
    if as_json:
        show_json({"home": str(home.path), "well": not wrong, "findings": [asdict(each) for each in found]})
    else:
        for finding in found:
            show(printable(finding.line()))
    if wrong:
        raise typer.Exit(1)
