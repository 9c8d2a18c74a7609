"""Groups of songs in words: from labels, tags, tempo and leading artists; no two by the same name."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from sqlalchemy.orm import Session

from classifier.arrays import Array, Floats, Ints
from classifier.model.bundle import Bundle
from db.rows import rows_by_ids
from recommender.describe import UNSURE_LABEL, track_sounds

SAMPLED: Final = 60
"""So many of a group's members speak for it, those nearest to its centre."""
MOSTLY: Final = 0.4
"""A label that so many members have names the group."""
TELLING: Final = 0.03
"""A tag is named that is so much more probable in a group than in all."""
SLOW_BPM, FAST_BPM = 85, 130
TELLING_BPM: Final = 0.6
"""The tempo is named that so many members have."""
LEADING: Final = 2


@dataclass(frozen=True)
class GroupWords:
    """What there is to say of a group, the most telling first.

    Attributes
    ----------
    label
        Of most members; empty where they agree on none.
    share
        Of the members that have it, 0..1.
    tags
        Those that are more probable than elsewhere, and not the label itself.
    tempo
        ``slow``, ``fast``, or empty.
    tempo_bpm
        Of the middle member; None where it is not known.
    artists
        Those with most members.
    """

    label: str
    share: float
    tags: Sequence[str]
    tempo: str
    tempo_bpm: float | None
    artists: Sequence[str]

    @property
    def base(self) -> str:
        """The first words of a name."""
        return _capital(self.label or (self.tags[0] if self.tags else "Songs"))

    def reason(self, count: int) -> str:
        """Return why these songs are together, in one line."""
        said = [f"{count} songs that sound alike"]
        if self.label:
            said.append(f"{100 * self.share:.0f} % {self.label}")
        if self.tags:
            said.append(f"more {', '.join(self.tags[:3])} than elsewhere")
        if self.tempo_bpm is not None:
            said.append(f"about {self.tempo_bpm:.0f} bpm")
        if self.artists:
            said.append(f"most by {' and '.join(self.artists)}")
        return "; ".join(said)


def words_of(session: Session, bundle: Bundle, groups: Sequence[Ints]) -> list[GroupWords]:
    """Return what there is to say of groups of tracks.

    Parameters
    ----------
    groups
        Track ids, the most typical first.
    """
    some = [[int(i) for i in group[:SAMPLED]] for group in groups]
    every = sorted({i for group in some for i in group})
    rows, sounds = rows_by_ids(session, every), track_sounds(session, every, bundle)
    labels = {
        i: rows[i].label or (sounds[i].label if i in sounds else UNSURE_LABEL) for i in every if i in rows
    }
    means = [_mean_tags([sounds[i].tags for i in group if i in sounds], bundle) for group in some]
    overall = np.mean(means, axis=0) if means else np.zeros(0)
    found = []
    for group, mean in zip(some, means, strict=True):
        known = [i for i in group if i in rows]
        label, share = _label([labels[i] for i in known], bundle.tag_names)
        tempi = [rows[i].tempo_bpm for i in known]
        tempo, tempo_bpm = _tempo([bpm for bpm in tempi if bpm is not None])
        tags = _tags(mean - overall, bundle.tag_names, label)
        found.append(
            GroupWords(label, share, tags, tempo, tempo_bpm, _artists([rows[i].artist for i in known]))
        )
    return found


def name_groups(words: Sequence[GroupWords], kept: Sequence[str | None]) -> list[str]:
    """Return a name for each group, no two the same.

    Parameters
    ----------
    kept
        (groups,) the name that one has already, None where it needs one.
    """
    names = list(kept)
    level = [0 if kept[i] is None else -1 for i in range(len(words))]
    bases = Counter(one.base.casefold() for one in words)
    level = [1 if at == 0 and bases[words[i].base.casefold()] > 1 else at for i, at in enumerate(level)]
    for _ in range(_LEVELS):
        for i, at in enumerate(level):
            if at >= 0:
                names[i] = _candidate(words[i], at)
        counts = Counter((name or "").casefold() for name in names)
        twice = [i for i, at in enumerate(level) if at >= 0 and counts[(names[i] or "").casefold()] > 1]
        if not twice:
            break
        for i in twice:
            level[i] = min(level[i] + 1, _LEVELS - 1)
    return _numbered([name or "" for name in names], [at >= 0 for at in level])


_LEVELS: Final = 6


def _candidate(words: GroupWords, level: int) -> str:
    """Return a name that says ever more."""
    tags = [tag for tag in words.tags if tag.casefold() != words.base.casefold()]
    details = [tags[:1], tags[:2], [*tags[:2], words.tempo], [*tags[:3], words.tempo]]
    said = [part for part in ([], *details, details[-1])[min(level, _LEVELS - 1)] if part]
    name = f"{words.base}: {', '.join(said)}" if said else words.base
    if level >= _LEVELS - 1 and words.artists:
        name += f" with {words.artists[0]}"
    return name


def _numbered(names: list[str], free: Sequence[bool]) -> list[str]:
    taken = {name.casefold() for name, is_free in zip(names, free, strict=True) if not is_free}
    found = []
    for name, is_free in zip(names, free, strict=True):
        one, number = name, 1
        while is_free and one.casefold() in taken:
            number += 1
            one = f"{name} {number}"
        taken.add(one.casefold())
        found.append(one)
    return found


def _label(labels: Sequence[str], tags: Sequence[str]) -> tuple[str, float]:
    counts = Counter(label for label in labels if label != UNSURE_LABEL)
    if not counts:
        return "", 0.0
    label, n = counts.most_common(1)[0]
    if n < MOSTLY * len(labels):  # then by the first step of the paths
        tops = Counter(label.split("/", 1)[0] for label in labels if label != UNSURE_LABEL)
        label, n = tops.most_common(1)[0]
    share = n / len(labels)
    return (called(label, tags), share) if share >= MOSTLY else ("", 0.0)


def called(label: str, tags: Sequence[str]) -> str:
    """Return what people call a label's path, without what stands above it where that goes without saying.

    "metal/heavy" is heavy metal, if a tag is called that; "electronic/house" is house, "rock/other" is rock.
    """
    *above, last = label.removesuffix("/other").split("/")
    whole = f"{last} {above[-1]}" if above else last
    return whole if whole.casefold() in {tag.casefold() for tag in tags} else last


def _mean_tags(tags: Sequence[Array], bundle: Bundle) -> Array:
    return np.mean(tags, axis=0) if tags else np.zeros(len(bundle.tag_names), np.float32)


def _tags(more: Floats, names: Sequence[str], label: str) -> list[str]:
    order = np.argsort(-more, kind="stable")
    told = {label.casefold(), *label.casefold().split()}
    return [names[i] for i in order if more[i] >= TELLING and names[i].casefold() not in told][:3]


def _tempo(tempi: Sequence[float]) -> tuple[str, float | None]:
    if not tempi:
        return "", None
    middle, beats = float(np.median(tempi)), np.array(tempi)
    slow, fast = float((beats < SLOW_BPM).mean()), float((beats > FAST_BPM).mean())
    return "slow" if slow >= TELLING_BPM else "fast" if fast >= TELLING_BPM else "", middle


def _artists(artists: Sequence[str]) -> list[str]:
    counts = Counter(artist for artist in artists if artist)
    return [artist for artist, n in counts.most_common(LEADING) if n > 1]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
