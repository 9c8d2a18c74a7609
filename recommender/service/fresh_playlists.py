"""Playlists that keep themselves up to date are filled when they are asked for, by whichever process."""

from collections.abc import Collection
from contextlib import suppress

from db.errors import CatalogError
from recommender.service.state import Held, State
from recommender.smart_playlists.fill import AT_ONCE, Sound, refresh


def sound_of(held: Held) -> Sound:
    """Return what lists are made of."""
    return Sound(held.index, held.bundle, held.token)


def freshened(state: State, playlist_ids: Collection[int] | None = None) -> None:
    """Fill those of some playlists, or of all, that are out of date.

    Where the catalogue cannot be written to just now, or another process fills the same ones, they are shown
    as they were last.
    """
    with suppress(CatalogError):
        refresh(state, sound_of(state.held), playlist_ids, most=AT_ONCE)
