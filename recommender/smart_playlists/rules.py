"""A list that is wanted, as a playlist keeps it: which kind, of which songs or words, with what options."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal

from recommender import params
from recommender.errors import FilterError
from recommender.retrieval.query_file import Span
from recommender.retrieval.request import (
    ListRequest,
    day_of,
    filters_named,
    names_of,
    passage_between,
)

Kind = Literal["similar", "discover", "find", "songs"]
OPTIONS: Final = (
    "hub_correction",
    "discover",
    "diversity",
    "per_artist",
    "per_album",
    "exclude_same_artist",
)
"""Of `ListRequest`, beside how many and the filters."""


@dataclass(frozen=True)
class Rules:
    """A list that is wanted.

    Attributes
    ----------
    kind
        ``similar`` to songs, ``discover``, ``find`` by words, or all ``songs`` that pass the filters.
    request
        Its options.
    like, unlike
        Ids of tracks.
    any_of
        Whether a song is to be like one of them, not like each.
    playlist
        The id of one whose songs are meant, any of them.
    span
        The passage of the one song that is meant.
    words, not_words
        Of ``find``; of ``songs``, words that artist, title and album hold.
    seeds, since
        Of ``discover``: so many of the songs played most, since a day (YYYY-MM-DD).
    sort
        Of ``songs``: one of `db.listing.ORDERS`.
    not_played_days
        Only songs that were not played for so many days, as of the day on which it is filled.
    """

    kind: Kind
    request: ListRequest = field(default_factory=ListRequest)
    like: tuple[int, ...] = ()
    unlike: tuple[int, ...] = ()
    any_of: bool = False
    playlist: int | None = None
    span: Span | None = None
    words: str = ""
    not_words: str = ""
    seeds: int = params.SEEDS
    since: str | None = None
    sort: str = "artist"
    not_played_days: int | None = None

    @property
    def of_plays(self) -> bool:
        """Whether it is another when something was played."""
        filters, words = self.request.filters, self.words.casefold()
        return (
            self.kind == "discover"
            or self.request.discover > 0
            or filters.max_plays is not None
            or filters.not_played_since is not None
            or self.not_played_days is not None
            or (self.kind == "songs" and self.sort == "plays")
            or (self.kind == "find" and ("played" in words or "heard" in words))  # as in "never played"
        )


def rules_json(rules: Rules) -> dict[str, Any]:
    """Return rules as they are stored, and as `rules_of` reads them; what is as usual is left out."""
    usual = Rules(rules.kind)
    said: dict[str, Any] = {"list": rules.kind, "n": rules.request.n}
    for one in fields(Rules):
        value = getattr(rules, one.name)
        if one.name not in ("kind", "request", "span") and value != getattr(usual, one.name):
            said[one.name] = list(value) if isinstance(value, tuple) else value
    if rules.span is not None:
        said |= {"from_s": rules.span.start_s, "to_s": rules.span.end_s}
    for name in OPTIONS:
        value = getattr(rules.request, name)
        if value != getattr(usual.request, name):
            said[name] = value
    return said | names_of(rules.request.filters)


def rules_of(said: Mapping[str, Any]) -> Rules:
    """Return the rules that some values say; those that it does not know are passed over.

    Raises
    ------
    FilterError
        If they do not fit together: a range that ends before it begins, a list of songs like none, …
    """
    filters = filters_named(**{name: said[name] for name in FILTERS if said.get(name) is not None})
    options = {name: said[name] for name in OPTIONS if said.get(name) is not None}
    request = ListRequest(n=said.get("n", params.N_RESULTS), filters=filters, passages=False, **options)
    own: dict[str, Any] = {
        one.name: tuple(said[one.name]) if isinstance(said[one.name], list) else said[one.name]
        for one in fields(Rules)
        if one.name not in ("kind", "request", "span") and said.get(one.name) is not None
    }
    span = passage_between(said.get("from_s"), said.get("to_s"), "from_s", "to_s")
    rules = Rules(said["list"], request, span=span, **own)
    _check(rules)
    return rules


FILTERS: Final = tuple(filters_named.__kwdefaults__ or ())


def _check(rules: Rules) -> None:
    if rules.kind == "similar" and not rules.like and rules.playlist is None:
        raise FilterError("there is nothing to go by; name songs, or a playlist")
    if rules.kind == "find" and not rules.words.strip():
        raise FilterError("there are no words to find songs by")
    if rules.span is not None and (len(rules.like) != 1 or rules.playlist is not None):
        raise FilterError("a passage is of one song; name only one")
    if rules.since is not None:
        day_of(rules.since)
    if rules.kind != "songs" and rules.request.n > params.LARGEST_PAGE:
        raise FilterError(f"such a list has {params.LARGEST_PAGE} songs at most")
