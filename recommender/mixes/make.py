"""The library's mixes: found, named, filled, and kept; the same ones from day to day."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
from sqlalchemy.orm import Session

from classifier.arrays import Array, Ints
from classifier.model.bundle import Bundle
from db.listening.mixes import (
    SOUND,
    NewMix,
    all_mixes,
    centre_of,
    members_of,
    mix_track_ids,
    replace_mixes,
    state_of,
)
from db.listening.radios import less_like_ids
from db.listening.tables import Mix
from db.session import Catalog
from db.sound.features import vectors_token
from recommender.clusters.grouping import Groups, find_groups, matched
from recommender.clusters.names import GroupWords, name_groups, words_of
from recommender.mixes.listened import DEEP_CUTS, DEEP_REASON, LEAST_SONGS, counted, listened_mixes
from recommender.mixes.listening_order import listening_order
from recommender.mixes.unwanted import Unwanted, unwanted_among
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.index.unit_vectors import track_means, unit_rows

NAME_STAYS: Final = 0.5
"""A mix keeps its name while so much of it and of what it was, together, is in both."""


@dataclass(frozen=True)
class MadeMixes:
    """Mixes to be stored, and what they were made of.

    Attributes
    ----------
    mixes
        Those of the day, then the clusters.
    state
        For `db.listening.mixes.replace_mixes`.
    """

    mixes: list[NewMix]
    state: dict[str, Any]


def are_current(session: Session, bundle: Bundle, token: str | None, now: datetime) -> bool:
    """Whether the mixes were made today, of the library as it is, without what is unwanted now."""
    state = state_of(session)
    made = (state.get("token"), state.get("bundle_id"), state.get("day"), state.get("less", []))
    return made == (token, bundle.bundle_id, f"{now:%Y-%m-%d}", sorted(less_like_ids(session)))


def make_mixes(
    session: Session,
    index: SegmentIndex,
    bundle: Bundle,
    token: str | None,
    now: datetime,
    unwanted: Collection[int] = (),
) -> MadeMixes:
    """Return the mixes of the library as it is, each as the present state of the one that it was.

    Parameters
    ----------
    token
        Of the vectors.
    now
        Naive UTC.
    unwanted
        Tracks that no mix is to hold, nor what is more like them than like the mix.
    """
    ids, vectors = track_means(session, bundle.trunk_id, lambda rows: unit_rows(rows.embeddings))
    before = all_mixes(session)
    day = f"{now:%Y-%m-%d}"
    state = {"token": token, "bundle_id": bundle.bundle_id, "day": day, "less": sorted(unwanted), "of": 0}
    if not len(ids):
        return MadeMixes([], state)
    old = [mix for mix in before if mix.kind == SOUND]
    groups = _groups(vectors, old, bundle.trunk_id, int(state_of(session).get("of", 0)))
    centred = unit_rows(vectors - vectors.mean(axis=0))
    less = unwanted_among(unwanted, ids, centred)
    named = _named(session, bundle, ids, groups, old)
    mixes = [
        replace(
            mix,
            track_ids=listening_order(
                session, bundle, mix.members, centred[np.searchsorted(ids, mix.members)], less
            ),
        )
        for mix in named
    ]
    today = listened_mixes(session, index, bundle, (ids, centred), now, less)
    today = [_going_on(session, mix, before, less, (ids, centred)) for mix in today]
    # Of copies of one recording, or where all but a few are unwanted, too little is left to listen to.
    mixes = [mix for mix in mixes if len(mix.track_ids) >= LEAST_SONGS]
    return MadeMixes([*today, *mixes], state | {"of": groups.of})


def _groups(vectors: Array, old: Sequence[Mix], trunk_id: str, of: int) -> Groups:
    centres = [centre_of(mix) for mix in old if mix.trunk_id == trunk_id]
    goes_on = bool(old) and len(centres) == len(old)
    return find_groups(vectors, np.stack(centres) if goes_on else None, of)


def _named(session: Session, bundle: Bundle, ids: Ints, groups: Groups, old: Sequence[Mix]) -> list[NewMix]:
    """Return the clusters with their members, names and reasons, without songs."""
    members = [ids[groups.members(group)] for group in range(len(groups.centres))]
    found = [group for group, some in enumerate(members) if len(some) >= LEAST_SONGS]
    pairs = matched([members_of(mix) for mix in old], [members[group] for group in found])
    words = words_of(session, bundle, [members[group] for group in found])
    kept = [_kept_name(pairs.get(number), old) for number in range(len(found))]
    names = name_groups(words, kept)
    return [
        _sound_mix(
            names[number],
            words[number],
            members[group],
            groups.centres[group],
            bundle,
            old,
            pairs.get(number),
        )
        for number, group in enumerate(found)
    ]


def _kept_name(pair: tuple[int, float] | None, old: Sequence[Mix]) -> str | None:
    return None if pair is None or pair[1] < NAME_STAYS else old[pair[0]].name


def _sound_mix(
    name: str,
    words: GroupWords,
    members: Ints,
    centre: Array,
    bundle: Bundle,
    old: Sequence[Mix],
    pair: tuple[int, float] | None,
) -> NewMix:
    return NewMix(
        SOUND,
        name,
        words.reason(len(members)),
        [],
        None if pair is None else old[pair[0]].id,
        bundle.trunk_id,
        members,
        centre,
    )


def _going_on(
    session: Session, mix: NewMix, before: Sequence[Mix], less: Unwanted, sound: tuple[Ints, Array]
) -> NewMix:
    """Return a mix of the day as the present state of yesterday's.

    Deep cuts stay the same for a month, but for those that are not wanted any more.
    """
    old = next((one for one in before if one.kind == mix.kind), None)
    if old is None:
        return mix
    if mix.kind == DEEP_CUTS and old.name == mix.name:
        there = mix_track_ids(session).get(old.id, [])
        songs = _still_wanted(there, less, sound)
        if len(songs) >= LEAST_SONGS:  # else those of today are better than hardly any
            mix = replace(mix, track_ids=songs, reason=counted(songs, DEEP_REASON), members=members_of(old))
    return replace(mix, mix_id=old.id)


def _still_wanted(songs: Sequence[int], less: Unwanted, sound: tuple[Ints, Array]) -> list[int]:
    """Return the songs of a mix that are not unwanted, nor more like what is than like the others in it."""
    ids, vectors = sound
    rows = np.searchsorted(ids, [i for i in songs if i in set(ids.tolist())])
    if not len(rows):
        return [i for i in songs if i not in less.ids]
    alike = vectors[rows] @ vectors[rows].T
    np.fill_diagonal(alike, -1)
    out = less.shuts_out(ids[rows], vectors[rows], alike.max(axis=1))
    gone = set(ids[rows[out]].tolist()) | less.ids
    return [i for i in songs if i not in gone]


def keep_mixes(
    catalog: Catalog, index: SegmentIndex, bundle: Bundle, now: datetime, *, again: bool = False
) -> bool:
    """Make the mixes and store them, unless they are those of today already; return whether that was done.

    Parameters
    ----------
    now
        Naive UTC.
    again
        Make them even so.
    """
    with catalog.snapshot() as session:
        token = vectors_token(session)
        if not again and are_current(session, bundle, token, now):
            return False
        made = make_mixes(session, index, bundle, token, now, set(less_like_ids(session)))
    with catalog.change() as session:
        replace_mixes(session, made.mixes, made.state)
    return True
