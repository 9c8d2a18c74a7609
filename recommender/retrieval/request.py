"""The request for a list of songs: its options, with their defaults."""

from dataclasses import dataclass, field

from recommender import params
from recommender.retrieval.filters import Filters


@dataclass(frozen=True)
class ListRequest:
    """The options of a list of songs.

    Attributes
    ----------
    n
        How many songs.
    hub_correction
        False for plain cosines.
    discover
        0..1, how much the rarely played are favoured.
    diversity
        0..1, how much songs of one kind are avoided.
    per_artist, per_album
        At most so many of one; 0 for no limit; None for three and two tenths of the list, if that fills it.
    exclude_same_artist
        Whether the queries' artists are left out.
    filters
        Which tracks may be in it at all.
    """

    n: int = params.N_RESULTS
    hub_correction: bool = True
    discover: float = 0.0
    diversity: float = 0.0
    per_artist: int | None = None
    per_album: int | None = None
    exclude_same_artist: bool = False
    filters: Filters = field(default_factory=Filters)
