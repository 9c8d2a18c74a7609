"""Ranked songs as a table, for every command that lists them."""

from typing import Any

from recommender.params import SHOWN_GENRES, SHOWN_TAGS


def tell_query(query: dict[str, Any], words: str = "Songs that sound like") -> None:
    """Show what was asked for."""
    from recommender.commands.output import percent, printable, show
    from recommender.presentation.text import clock, name_of

    part = f", {clock(query['start_s'])}-{clock(query['end_s'])}" if query["passage"] else ""
    show(f"{words} {printable(name_of(query))}{part}")
    if query["tags"]:
        show(f"  tags:   {percent(query['tags'], SHOWN_TAGS)}")
    show(f"  genres: {percent(query['genres'], SHOWN_GENRES)}")


def tell_matches(results: list[dict[str, Any]], *, because: bool = False) -> None:
    """Show matches as a table, with the song of the user's that each is listed for if there is one."""
    from recommender.commands.output import percent, show_table
    from recommender.presentation.text import clock, name_of, passages_in_words

    rows = [
        (
            str(result["rank"]),
            f"{result['similarity']:.2f}",
            name_of(result),
            clock(result["duration_s"]),
            passages_in_words(result),
            *([_because(result)] if because else [str(result["plays"])]),
            percent(result["tags"], 2),
            percent(result["genres"], 1),
            str(result["track_id"]),
        )
        for result in results
    ]
    reason = "because you play" if because else "plays"
    show_table(("#", "alike", "song", "length", "passages", reason, "tags", "genres", "id"), rows)


def _because(result: dict[str, Any]) -> str:
    from recommender.presentation.text import name_of

    seed = result["because"]
    return f"{name_of(seed)} ({seed['plays']} times)"
