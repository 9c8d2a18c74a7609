"""``mixes``: the library in lists to listen to, found by how it sounds and by what is played."""

from typing import Annotated, Any

import typer

from recommender.commands.options import AsJson, home_of


def mixes(
    context: typer.Context,
    save: Annotated[
        bool, typer.Option("--save", help="Save each as a playlist; next time it is filled anew.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Make them anew, even if nothing has changed today.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make and list mixes: songs that sound alike, named; and lists by what you play.

    A mix stays the same one while the library grows. For cron: deepcuts mixes --save.
    """
    from db.values import utc_now
    from recommender.commands.output import show_json
    from recommender.commands.results import opened
    from recommender.mixes.make import keep_mixes
    from recommender.mixes.save import save_mixes
    from recommender.presentation.mixes import mixes_answer

    catalog, bundle, index = opened(home_of(context))
    keep_mixes(catalog, index, bundle, utc_now(), again=again)
    if save:
        with catalog.change() as session:
            save_mixes(session)
    with catalog.transaction() as session:
        answer = mixes_answer(session)
    if as_json:
        show_json(answer)
    else:
        _print(answer)


def _print(answer: dict[str, Any]) -> None:
    from recommender.commands.output import printable, say, show_table

    rows = [
        [str(mix["mix_id"]), printable(mix["name"]), str(mix["songs"]), printable(mix["reason"])]
        for mix in answer["mixes"]
    ]
    if rows:
        show_table(["id", "mix", "songs", "why"], rows)
    else:
        say("No mixes yet: the library has too few analysed songs.")
