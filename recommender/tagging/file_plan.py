"""What a sound says in a file's tags, and what is to become of them: also from what they say already."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from classifier.model.calibration import NOT_MUSIC
from recommender import params
from recommender.describe import Sound
from recommender.file_tags.genre_fields import (
    GENRE,
    KEY,
    SCORES,
    TEMPO,
    scores_of,
    scores_text,
    texts,
    with_field,
)
from recommender.file_tags.stored_tags import StoredTags
from recommender.tagging.canon import Canon
from recommender.tagging.targets import NOTHING, Scores

SUB_GENRES, FACETS = "sub-genres", {"moods": "mood", "voices": "voice", "eras": "era"}
MEASURED = (TEMPO, KEY)
ALSO = (SUB_GENRES, *FACETS, *MEASURED)
OTHER = "other"
"""Last part of a label that stands for the rest of its parent."""


@dataclass(frozen=True)
class TagOptions:
    """What is to be written, and over what.

    Attributes
    ----------
    also
        Of `ALSO`, what is written besides the genre.
    overwrite, append
        Replace what a person set, or add to it; otherwise it is left alone.
    min_confidence
        Genres, moods, voices and eras less probable than this are not written; 0..1.
    canon
        Turns labels into the names that are written.
    """

    also: frozenset[str] = frozenset()
    overwrite: bool = False
    append: bool = False
    min_confidence: float = params.WRITTEN_CONFIDENCE
    canon: Canon = field(default_factory=Canon)


def wanted(sound: Sound, options: TagOptions, measured: Scores = NOTHING) -> dict[str, dict[str, float]]:
    """Return the names to be written into each field with their probabilities.

    Parents come before their children, each as a name of its own; moods, voices and eras the most
    probable first. Of the unknown only tempo and key are written, which `measured` has; of what is not
    music, nothing.
    """
    facts = {name: dict(measured[name]) for name in MEASURED if name in options.also & measured.keys()}
    sure = {name: names for name, names in facts.items() if min(names.values()) >= params.LEAST_MEASURED}
    if sound.unknown is not None:
        return {} if sound.unknown == NOT_MUSIC else sure
    probable = ((label, p) for label, p in _genres(sound, options) if p >= options.min_confidence)
    found = {GENRE: _named(probable, options.canon)}
    for name, facet in FACETS.items():
        if name in options.also:
            known = sound.facets.get(facet, [])
            present = ((label, p) for label, p in known if p >= options.min_confidence)
            found[facet] = _named(present, options.canon)
    return {name: names for name, names in found.items() if names} | sure


def unsure(sound: Sound, options: TagOptions) -> str | None:
    """Return why no genre is to be written: the bundle does not decide, or none is as probable as asked."""
    labels = _genres(sound, options)
    if sound.unknown is None and labels and all(p < options.min_confidence for _, p in labels):
        return "no genre is probable enough to be written"
    return sound.unknown


def _genres(sound: Sound, options: TagOptions) -> list[tuple[str, float]]:
    parts = sound.placement.path.split("/")
    depth = len(parts) if SUB_GENRES in options.also else 1
    paths = ["/".join(parts[: n + 1]) for n in range(depth)]
    return [(path, sound.nodes[path]) for path in paths if path.rpartition("/")[2] != OTHER]


def _named(labels: Iterable[tuple[str, float]], canon: Canon) -> dict[str, float]:
    found: dict[str, float] = {}
    for label, p in labels:
        for name in canon.names(label):
            if not any(name.casefold() == known.casefold() for known in found):
                found[name] = round(float(p), 4)
    return found


@dataclass(frozen=True)
class FieldChange:
    """A field and its values before and after."""

    field: str
    old: list[str]
    new: list[str]


@dataclass(frozen=True)
class FilePlan:
    """What is to become of a file's tags.

    Attributes
    ----------
    before, after
        All that its tag holds, and is to hold.
    changes
        What differs, field by field; nothing where the file is to stay as it is.
    kept
        Fields that are left as a person set them, and why.
    """

    before: StoredTags
    after: StoredTags
    changes: list[FieldChange]
    kept: list[tuple[str, str]]


def plan_file(tags: StoredTags, wants: Scores, recorded: Scores, options: TagOptions) -> FilePlan:
    """Return what is to become of a file's tags.

    Parameters
    ----------
    tags
        What its tag holds now.
    wants
        See `wanted`.
    recorded
        The names that were last written into the file, as the catalogue has them; they count where the
        file itself says nothing of that.
    options
        Over what may be written.
    """
    prior = scores_of(tags) or recorded
    scores = {name: dict(names) for name, names in prior.items()}
    start = after = tags.with_entries((*tags.inherited, *tags.entries))
    changes, kept = [], []
    for name, names in wants.items():
        old = texts(start, name) or tags.said_beside(name)
        one_value = replace(options, append=options.append and name not in MEASURED)
        theirs, added, reason = _decide(old, list(names), list(prior.get(name, ())), one_value)
        if reason:
            kept.append((name, reason))
            continue
        scores[name] = {new: names[new] for new in added}
        if old != [*theirs, *added]:
            changes.append(FieldChange(name, old, [*theirs, *added]))
            after = with_field(after, name, [*theirs, *added])
    said, to_say = scores_of(tags), {name: names for name, names in scores.items() if names}
    if len(kept) == len(wants) or (not changes and said == to_say):
        return FilePlan(tags, tags, [], kept)
    if said != to_say:
        text = [scores_text(to_say)] if to_say else []
        changes.append(FieldChange(SCORES, texts(start, SCORES), text))
        after = with_field(after, SCORES, text)
    return FilePlan(tags, after, changes, kept)


def _decide(
    old: list[str], ours: list[str], prior: list[str], options: TagOptions
) -> tuple[list[str], list[str], str]:
    """Return what stays of a field's values and what is added to that, or why it is left alone.

    Parameters
    ----------
    old
        Its values now.
    ours
        Those to be written.
    prior
        Those that were written earlier: if they are all that is there, nobody has touched them.
    """
    if options.overwrite or old == prior:
        return [], ours, ""
    theirs = old[: -len(prior)] if prior and old[-len(prior) :] == prior else old
    if prior and theirs is old:
        return old, [], "changed by hand since it was written"
    if not options.append:
        return old, [], "set by hand"
    known = {name.casefold() for name in theirs}
    return theirs, [name for name in ours if name.casefold() not in known], ""
