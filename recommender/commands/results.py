"""What commands that list songs have in common: what they open, and how their answers are shown."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.params import SHOWN_GENRES, SHOWN_TAGS

if TYPE_CHECKING:
    from classifier.model.bundle import Bundle
    from db.session import Catalog
    from recommender.commands.song_table import Fact
    from recommender.home import Home
    from recommender.retrieval.index.segment_index import SegmentIndex

SHOWN_UNWANTED = 3
"""Songs that the list should be unlike are named; of a folder or playlist they are counted."""


def opened(home: "Home") -> "tuple[Catalog, Bundle, SegmentIndex]":
    """Return the catalogue, the active bundle, and the index, saying where that had to be built."""
    from recommender.commands.output import say
    from recommender.retrieval.index.store import open_index

    catalog, bundle = home.existing_catalog(), home.bundle()
    index, remark = open_index(catalog, home.index_dir, bundle.trunk_id)
    if remark:
        say(remark)
    return catalog, bundle, index


def show_answer(
    answer: dict[str, Any], output: Path | None, as_json: bool, print_answer: Callable[[], None]
) -> None:
    """Write the playlist, show the list, and say why it is short."""
    from recommender.commands.output import say, show_json
    from recommender.commands.playlist import tell_written, write_results

    written = 0 if output is None else write_results(answer["results"], output)
    if as_json:
        show_json(answer)
        return
    print_answer()
    if answer["shortfall"]:
        say(sentence(answer["shortfall"], short=bool(answer["results"])))
    if output is not None:
        tell_written(written, output)


def sentence(reason: str, *, short: bool) -> str:
    """Return why a list has fewer songs than were asked for, or, where it is not `short`, none at all."""
    return f"Fewer than asked for: {reason}." if short else f"{reason[:1].upper()}{reason[1:]}."


def print_similar(answer: dict[str, Any], sets: Sequence[str] = ()) -> None:
    """Show what was asked for and the songs that sound like it, with the reasons that were asked for.

    Of folders and playlists among what was asked for, `sets`, the songs are counted, not listed.
    """
    from recommender.commands.output import printable, say, show
    from recommender.commands.why import print_reasons

    if sets:
        n = len(answer["queries"])
        show(f"Songs that sound like one of {n} song{'s' * (n > 1)}: {printable(', '.join(sets))}")
    for query in answer["queries"] if not sets else ():
        print_query(query)
    if len(answer["unwanted"]) > SHOWN_UNWANTED:
        show(f"and unlike {len(answer['unwanted'])} others")
    for query in answer["unwanted"] if len(answer["unwanted"]) <= SHOWN_UNWANTED else ():
        print_query(query, "and unlike")
    for other in answer["same_recording"]:
        say(f"The catalogue has this recording as {other['track_id']}: {printable(other['path'])}")
    print_matches(answer["results"])
    print_reasons(answer["results"])


def print_query(query: dict[str, Any], words: str = "Songs that sound like") -> None:
    """Show what was asked for."""
    from recommender.commands.output import printable, show
    from recommender.commands.song_table import genres_fact, tags_fact
    from recommender.presentation.measures import measures_in_words
    from recommender.presentation.text import clock, name_of

    part = f", {clock(query['start_s'])}-{clock(query['end_s'])}" if query["passage"] else ""
    show(f"{words} {printable(name_of(query))}{part}")
    if query["tags"] and (tags := tags_fact(query, SHOWN_TAGS).cell):
        show(f"  tags:   {tags}")
    show(f"  genres: {genres_fact(query, SHOWN_GENRES).cell}")
    if sound := ", ".join(measures_in_words(query)):
        show(f"  sound:  {sound}")


def print_matches(results: list[dict[str, Any]], *, because: bool = False) -> None:
    """Show matches as a table, with the song of the user's that each is listed for if there is one."""
    from recommender.commands.song_table import (
        Fact,
        genres_fact,
        measures_fact,
        plays_fact,
        show_songs,
        song_row,
        tags_fact,
    )
    from recommender.presentation.text import passages_in_words

    rows = []
    for result in results:
        passages = passages_in_words(result)
        reason = _because(result) if because else plays_fact(result["plays"])
        facts = [Fact("passages", passages, passages, whole=True), reason]
        facts += [genres_fact(result, 1), measures_fact(result), tags_fact(result, 2)]
        rows.append(song_row(result, f"{result['similarity']:.2f}", facts))
    show_songs("alike", rows)


def _because(result: dict[str, Any]) -> "Fact":
    from recommender.commands.song_table import Fact
    from recommender.presentation.text import name_of

    seed = result["because"]
    words = f"{name_of(seed)}, {seed['plays']}×"
    return Fact("because you play", words, f"because you play {words}")
