"""``shortlist``: songs chosen for a purpose, in an order of one's own, with notes; handed on as files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.commands.options import AsJson, home_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from db.listening.shortlists import NewEntry
    from db.listening.tables import Shortlist
    from recommender.home import Home

Named = Annotated[str, typer.Argument(metavar="LIST", help="A shortlist's name or id.")]
Number = Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="A song's number in it.")]
KEPT = ("query_start_s", "query_end_s", "match_start_s", "match_end_s", "similarity")

shortlist = typer.Typer(
    help="Keep songs for a purpose, with notes; hand them on.", no_args_is_help=True, rich_markup_mode=None
)


@shortlist.callback()
def _group() -> None:
    """Keep songs for a purpose, with notes; hand them on."""


@shortlist.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List all shortlists."""
    from recommender.commands.output import say, show_json, show_table
    from recommender.presentation.shortlists import shortlists_answer

    with home_of(context).existing_catalog().snapshot() as session:
        answer = shortlists_answer(session)
    if as_json:
        show_json(answer)
    elif answer["shortlists"]:
        rows = [
            (one["name"], str(one["songs"]), one["changed"][:16].replace("T", " "), str(one["shortlist_id"]))
            for one in answer["shortlists"]
        ]
        show_table(("name", "songs", "changed", "id"), rows)
    else:
        say("There is no shortlist yet; see: deepcuts shortlist add --help")


@shortlist.command()
def show(context: typer.Context, name: Named, as_json: AsJson = False) -> None:
    """Show the songs of a shortlist, with their passages and notes."""
    from recommender.shortlists.find import find_shortlist

    home = home_of(context)
    with home.existing_catalog().snapshot() as session:
        answer = _answer(session, home, find_shortlist(session, name))
    _tell(answer, as_json=as_json)


@shortlist.command()
def add(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="LIST", help="Its name or id; where none has the name, it is made.")
    ],
    songs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SONG]...", help="Paths, ids, or words of artist and title."),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE.json",
            exists=True,
            dir_okay=False,
            allow_dash=True,
            help="Also all that similar, discover or find printed with --json, with the passages; - is "
            "standard input.",
        ),
    ] = None,
    note: Annotated[str, typer.Option("--note", help="What is to be noted of them.")] = "",
    as_json: AsJson = False,
) -> None:
    """Put songs behind those that are in a shortlist."""
    from db.listening.shortlists import NewEntry, create_shortlist
    from recommender.errors import QueryError
    from recommender.shortlists.add import add_songs
    from recommender.shortlists.find import find_shortlist, find_song

    if not songs and results is None:
        raise typer.BadParameter("name songs, or a file by --from")
    found = _results(results) if results is not None else []
    home = home_of(context)
    with home.existing_catalog().change() as session:
        entries = [NewEntry(find_song(session, one).id, note=note) for one in songs or ()]
        entries += [_entry(one, note) for one in found]
        try:
            known = find_shortlist(session, name)
        except QueryError as error:
            if type(error) is not QueryError or name.isdigit() or not name.strip():
                raise
            known = create_shortlist(session, name)
        try:
            add_songs(session, known, entries)
        except KeyError as error:
            raise QueryError(f"no track has the id {error.args[0]}") from None
        answer = _answer(session, home, known)
    _tell(answer, as_json=as_json)


@shortlist.command()
def remove(
    context: typer.Context,
    name: Named,
    numbers: Annotated[list[int], typer.Argument(metavar="NUMBER...", min=1, help="Songs' numbers in it.")],
    as_json: AsJson = False,
) -> None:
    """Take songs out of a shortlist."""
    from db.listening.shortlists import remove_entries
    from recommender.shortlists.find import numbered_entry

    with _changed(context, name, as_json=as_json) as (session, found):
        remove_entries(session, found, [numbered_entry(session, found, number).id for number in numbers])


@shortlist.command()
def note(
    context: typer.Context,
    name: Named,
    number: Number,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is to be noted; '' for nothing.")],
    as_json: AsJson = False,
) -> None:
    """Note something of a song of a shortlist."""
    from db.listening.shortlists import note_entry
    from recommender import params
    from recommender.shortlists.find import numbered_entry

    if len(text) > params.LONGEST_NOTE:
        raise typer.BadParameter(f"a note has {params.LONGEST_NOTE:,} characters at most")
    with _changed(context, name, as_json=as_json) as (session, found):
        note_entry(session, found, numbered_entry(session, found, number), text)


@shortlist.command()
def move(
    context: typer.Context,
    name: Named,
    number: Number,
    to: Annotated[int, typer.Argument(metavar="TO", min=1, help="The number that it is to have.")],
    as_json: AsJson = False,
) -> None:
    """Move a song of a shortlist to another place."""
    from db.listening.shortlists import move_entry
    from recommender.shortlists.find import numbered_entry

    with _changed(context, name, as_json=as_json) as (session, found):
        move_entry(session, found, numbered_entry(session, found, number), to - 1)


@shortlist.command()
def rename(
    context: typer.Context,
    name: Named,
    new: Annotated[str, typer.Argument(metavar="NAME", help="Its new name.")],
    as_json: AsJson = False,
) -> None:
    """Give a shortlist another name."""
    from db.listening.shortlists import rename_shortlist

    if not new.strip():
        raise typer.BadParameter("the name is empty")
    with _changed(context, name, as_json=as_json) as (session, found):
        rename_shortlist(session, found, new)


@shortlist.command()
def delete(context: typer.Context, name: Named, as_json: AsJson = False) -> None:
    """Delete a shortlist; the songs stay."""
    from db.listening.shortlists import delete_shortlist
    from recommender.commands.output import say, show_json
    from recommender.shortlists.find import find_shortlist

    with home_of(context).existing_catalog().change() as session:
        found = find_shortlist(session, name)
        gone = {"shortlist_id": found.id, "name": found.name}
        delete_shortlist(session, found)
    if as_json:
        show_json({"deleted": gone})
    else:
        say(f"The shortlist {gone['name']} is deleted; its songs stay.")


@contextmanager
def _changed(context: typer.Context, name: str, *, as_json: bool) -> "Iterator[tuple[Session, Shortlist]]":
    """Give a shortlist to be changed, and show it afterwards."""
    from recommender.shortlists.find import find_shortlist

    home = home_of(context)
    with home.existing_catalog().change() as session:
        found = find_shortlist(session, name)
        yield session, found
        answer = _answer(session, home, found)
    _tell(answer, as_json=as_json)


def _answer(session: "Session", home: "Home", found: "Shortlist") -> dict[str, Any]:
    from recommender.presentation.shortlists import shortlist_answer

    return shortlist_answer(session, found, home.bundle())


def _tell(answer: dict[str, Any], *, as_json: bool) -> None:
    from recommender.commands.output import printable, show_json, show_table
    from recommender.commands.output import show as show_line
    from recommender.presentation.text import called, passages_in_words

    if as_json:
        show_json(answer)
        return
    show_line(f"{printable(answer['name'])} (id {answer['shortlist_id']})")
    rows = []
    for number, entry in enumerate(answer["entries"], start=1):
        alike = "" if entry["similarity"] is None else f"{entry['similarity']:.2f}"
        song = called(entry["track"])
        rows.append((str(number), song, passages_in_words(entry), alike, entry["query_name"], entry["note"]))
    show_table(("#", "song", "passages", "alike", "found by", "note"), rows)


def _results(source: Path) -> list[dict[str, Any]]:
    """Return the songs of what a list command printed, each with the query that it was found by."""
    import json
    import sys

    from recommender.errors import RecommenderError

    content = sys.stdin.buffer.read() if str(source) == "-" else source.read_bytes()
    wrong = RecommenderError("this is no list of songs; use what similar, discover or find print with --json")
    try:
        answer = json.loads(content)
        queries = answer.get("queries") or []
        found = [{**one, "by": _found_by(one, queries)} for one in answer["results"]]
        if not all(type(one["track_id"]) is int for one in found):
            raise wrong
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        raise wrong from None
    return found


def _found_by(one: dict[str, Any], queries: list[Any]) -> dict[str, Any] | None:
    if isinstance(one.get("because"), dict):
        return dict(one["because"])
    return dict(queries[one["query"]]) if queries and "query" in one else None


def _entry(one: dict[str, Any], note: str) -> "NewEntry":
    from db.listening.shortlists import NewEntry
    from recommender.errors import RecommenderError
    from recommender.presentation.text import called

    by = one["by"]
    if by is None:
        return NewEntry(one["track_id"], note=note)
    passage = {name: one.get(name) for name in KEPT}
    if not all(value is None or type(value) in (int, float) for value in passage.values()):
        raise RecommenderError("the passages of this list of songs cannot be read")
    name = "" if by.get("track_id") else called({"artist": "", "title": "", "path": "", **by})
    return NewEntry(one["track_id"], by.get("track_id"), name, **passage, note=note)
