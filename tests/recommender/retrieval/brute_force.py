"""The whole ranking once more, naively and in double precision: what the answers are held to.

Only the constants are the package's. Songs are those of `random_catalog`.
"""

import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from recommender import params
from recommender.retrieval.filters import Range
from recommender.retrieval.index.hubness import ENOUGH, ROUNDS
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.request import ListRequest
from tests.recommender.random_catalog import SEGMENT_S, TAGS, RandomSong

Vectors = npt.NDArray[np.float64]
GENRE_SURE = 0.4


def unit(vectors: npt.ArrayLike) -> Vectors:
    wide = np.asarray(vectors, np.float64)
    return wide / np.maximum(np.linalg.norm(wide, axis=-1, keepdims=True), 1e-12)


def plain(text: str) -> str:
    """Return a name without case, accents and spaces too many."""
    letters = unicodedata.normalize("NFD", text)
    return " ".join("".join(c for c in letters if not unicodedata.combining(c)).lower().split())


# Scores of vectors.


def song_score(one: Vectors, other: Vectors) -> float:
    """Soft best matches of both sides' segments, (segments, dimensions) each, averaged over both sides."""
    tau = params.MATCH_TEMPERATURE
    cosines = one @ other.T
    rows = [tau * math.log(np.mean(np.exp(row / tau))) for row in cosines]
    columns = [tau * math.log(np.mean(np.exp(column / tau))) for column in cosines.T]
    return (sum(rows) / len(rows) + sum(columns) / len(columns)) / 2


def passage_score(query: Vectors, track: Vectors) -> float:
    """Mean of the best match of every segment of the query."""
    best = [max(float(a @ b) for b in track) for a in query]
    return sum(best) / len(best)


def agreed(scores: Sequence[float]) -> float:
    """Soft minimum."""
    tau = params.AGREEMENT_TEMPERATURE
    return -tau * math.log(sum(math.exp(-score / tau) for score in scores) / len(scores))


def corrected(score: float, offset: float) -> float:
    """What the hub correction adds to a score."""
    return -offset * min(1.0, max(0.0, (1 - score) / params.HUB_FADE))


def rarity(plays: int) -> float:
    return 1 / (1 + math.log(1 + plays))


# Patches.


@dataclass(frozen=True)
class SongPatches:
    """(patches,) seconds and (patches, dimensions)."""

    starts_s: list[float]
    vectors: Vectors
    patch_s: float

    def within(self, start_s: float, end_s: float) -> "SongPatches":
        kept = [i for i, s in enumerate(self.starts_s) if start_s <= s + self.patch_s / 2 <= end_s]
        return SongPatches([self.starts_s[i] for i in kept], self.vectors[kept], self.patch_s)


def patches_of(song: RandomSong) -> SongPatches:
    starts = [start for segment in song.audible for start in segment.patch_starts_s]
    return SongPatches(starts, np.concatenate([s.patches for s in song.audible]), song.audible[0].patch_s)


@dataclass(frozen=True)
class Aligned:
    """Two passages that match, in seconds, and how well."""

    score: float
    query: tuple[float, float]
    match: tuple[float, float]


def align(query: SongPatches, track: SongPatches, centre: Vectors) -> Aligned | None:
    """Hold the shorter one against the longer at every shift; a run with a gap only where all have one."""
    if not query.starts_s or not track.starts_s:
        return None
    swapped = len(query.starts_s) > len(track.starts_s)
    short, long = (track, query) if swapped else (query, track)
    n, long_s = len(short.starts_s), long.patch_s
    mine, its = unit(unit(short.vectors) - centre), unit(unit(long.vectors) - centre)
    middle = unit(unit(short.vectors.mean(axis=0)) - centre)
    found = []
    for shift in range(len(long.starts_s) - n + 1):
        whole = float(unit(unit(long.vectors[shift : shift + n].mean(axis=0)) - centre) @ middle)
        each = sum(float(its[shift + i] @ mine[i]) for i in range(n)) / n
        gap = any(b - a > 1.5 * long_s for a, b in pairwise(long.starts_s[shift : shift + n]))
        found.append((gap, -(whole + each) / 2, shift))
    _, score, shift = min(found)
    here = (short.starts_s[0], short.starts_s[-1] + long_s)
    there = (long.starts_s[shift], long.starts_s[shift + n - 1] + long_s)
    return Aligned(-score, *((there, here) if swapped else (here, there)))


# Queries.


@dataclass(frozen=True)
class AskedQuery:
    """A song, or a passage of one."""

    song: RandomSong
    span: tuple[float, float] | None
    units: Vectors
    spans: list[tuple[float, float]]
    patches: SongPatches
    passage: bool


def asked(song: RandomSong, span: tuple[float, float] | None = None) -> AskedQuery:
    patches = patches_of(song)
    if span is None:
        units = unit([segment.embedding for segment in song.audible])
        spans = [(segment.start_s, segment.end_s) for segment in song.audible]
        return AskedQuery(song, None, units, spans, patches, len(units) == 1)
    patches = patches.within(*span)
    size = round(SEGMENT_S / patches.patch_s)
    cuts = [*range(0, len(patches.starts_s), size), len(patches.starts_s)]
    if len(cuts) > 2 and cuts[-1] - cuts[-2] <= size // 5:
        cuts.pop(-2)
    units = unit([patches.vectors[a:b].mean(axis=0) for a, b in pairwise(cuts)])
    return AskedQuery(song, span, units, [], patches, True)


# The frozen reference.


def spread(n: int, at_most: int) -> list[int]:
    """At most so many of n numbers, evenly spread."""
    return list(range(n)) if n <= at_most else [round(i * (n - 1) / (at_most - 1)) for i in range(at_most)]


def sinkhorn(
    scores: Vectors,
    counted: npt.NDArray[np.bool_],
    weights: Vectors,
    rounds: int = ROUNDS,
    enough: float = ENOUGH,
) -> tuple[Vectors, Vectors]:
    """Balance exp(score / τ): rows to their weights, columns to one sum; return both divisors' logarithms."""
    kernel = np.where(counted, np.exp(scores / params.HUB_TEMPERATURE), 0.0)
    columns = np.ones(kernel.shape[1])
    rows = np.ones(kernel.shape[0])
    for _ in range(rounds):
        rows = (kernel / columns).sum(axis=1) / weights
        before, columns = columns, (kernel / rows[:, None]).sum(axis=0)
        if np.abs(np.log(columns / before)).max() < enough:
            break
    return np.log(rows), np.log(columns)


@dataclass(frozen=True)
class ScoredSong:
    """A track of a list."""

    song: RandomSong
    parts: dict[str, float]
    winner: int

    @property
    def score(self) -> float:
        return sum(self.parts.values())


@dataclass(frozen=True)
class Answer:
    """The list, and the narrowest choice that was made: below rounding, another list is right as well."""

    found: list[ScoredSong]
    margin: float


class BruteForce:
    """A catalogue's ranking; the songs, by id, are those that the index holds.

    `limit_offsets` are the index's own, by id: how they are found has its own test.
    """

    def __init__(self, songs: dict[int, RandomSong], limit_offsets: dict[int, float] | None = None) -> None:
        self.songs = songs
        self.limit_offsets = dict.fromkeys(songs, 0.0) | (limit_offsets or {})
        self.set_back: dict[int, float] = {}
        self.albums = albums(songs)
        self.plain = {i: unit([s.embedding for s in song.audible]) for i, song in songs.items()}
        n = len(songs)
        self.trust = n / (n + params.SHRINK_TRACKS)
        self.centre = sum(units.mean(axis=0) for units in self.plain.values()) / n * self.trust
        self.vectors = {i: unit(units - self.centre) for i, units in self.plain.items()}
        self.song_offsets, self.passage_offsets = self._offsets()
        self.directions = {i: unit(vectors.sum(axis=0)) for i, vectors in self.vectors.items()}
        self._sounds: dict[object, float] = {}
        self._aligned: dict[object, float] = {}

    def _offsets(self) -> tuple[dict[int, float], dict[int, float]]:
        sample = {
            i: vectors[spread(len(vectors), params.REFERENCE_TRACK_SEGMENTS)]
            for i, vectors in self.vectors.items()
        }
        songs = [(i, vectors, 1.0) for i, vectors in sample.items()]
        passages = [
            (i, vectors[[k]], 1 / len(vectors)) for i, vectors in sample.items() for k in range(len(vectors))
        ]
        return self._balanced(songs, sample, song_score), self._balanced(passages, sample, passage_score)

    def _balanced(
        self,
        queries: list[tuple[int, Vectors, float]],
        sample: dict[int, Vectors],
        score: Callable[[Vectors, Vectors], float],
    ) -> dict[int, float]:
        weights = np.array([weight for _, _, weight in queries])

        def table(tracks: dict[int, Vectors]) -> tuple[Vectors, npt.NDArray[np.bool_]]:
            scores = np.array([[score(q, vectors) for vectors in tracks.values()] for _, q, _ in queries])
            others = np.array([[i != j for j in tracks] for i, _, _ in queries])
            return scores, others & (scores <= params.SAME_SOUND)

        rows, columns = sinkhorn(*table(sample), weights)
        scores, counted = table(self.vectors)
        kernel = np.where(counted, np.exp(scores / params.HUB_TEMPERATURE - rows[:, None]), 0.0)
        own = np.log(kernel.sum(axis=0))
        offsets = params.HUB_TEMPERATURE * (own - columns.mean()) * self.trust
        return dict(
            zip(self.songs, np.clip(offsets, -params.HUB_LIMIT, params.HUB_LIMIT).tolist(), strict=True)
        )

    # Scores.

    def sound(self, query: AskedQuery, track_id: int, *, hub: bool) -> float:
        """Return the similarity of a track; nothing is worked out twice."""
        key = (query.song.id, query.span, track_id, hub)
        if key not in self._sounds:
            score = passage_score if query.passage else song_score
            units = unit(query.units - self.centre) if hub else query.units
            self._sounds[key] = score(units, (self.vectors if hub else self.plain)[track_id])
        return self._sounds[key]

    def aligned(self, query: AskedQuery, track_id: int, *, hub: bool) -> float:
        key = (query.song.id, query.span, track_id, hub)
        if key not in self._aligned:
            centre = self.centre if hub else np.zeros_like(self.centre)
            found = align(query.patches, patches_of(self.songs[track_id]), centre)
            self._aligned[key] = found.score if found else -math.inf
        return self._aligned[key]

    def of_query(
        self, query: AskedQuery, ids: Sequence[int], *, hub: bool
    ) -> tuple[dict[int, dict[str, float]], float]:
        """Return the parts by one query, and how narrow the choice of tracks to align was."""
        offsets = self.passage_offsets if query.passage else self.song_offsets
        parts, worth = {}, {}
        for i in ids:
            sound = self.sound(query, i, hub=hub)
            parts[i] = {"sound": sound, "alignment": 0.0}
            worth[i] = sound + (corrected(sound, offsets[i]) if hub else 0.0)
        order = sorted(ids, key=lambda i: (-worth[i], i))
        n = params.ALIGNED_TRACKS
        margin = math.inf
        if (
            query.passage
            and len(order) > n
            and len({self.songs[i].content for i in order[n - 1 : n + 1]}) > 1
        ):
            margin = worth[order[n - 1]] - worth[order[n]]
        for i in order[:n] if query.passage else ():
            parts[i]["alignment"] = max(0.0, self.aligned(query, i, hub=hub) - parts[i]["sound"])
        for i in ids:
            aligned = parts[i]["sound"] + parts[i]["alignment"]
            parts[i]["hub"] = corrected(aligned, offsets[i]) if hub else 0.0
        return parts, margin

    def scored(
        self,
        queries: Sequence[AskedQuery],
        unwanted: Sequence[AskedQuery],
        options: ListRequest,
        ids: Sequence[int],
        tastes: Sequence[float] | None = None,
    ) -> tuple[list[ScoredSong], float]:
        """Return all tracks with their parts, the best first."""
        hub = options.hub_correction
        tables = [self.of_query(query, ids, hub=hub) for query in queries]
        found = []
        for i in ids:
            each = [parts[i] for parts, _ in tables]
            totals = [sum(parts.values()) for parts in each]
            cosines = [self.sound(query, i, hub=False) for query in queries]
            winner = 0
            if tastes is None:
                parts = {name: float(np.mean([one[name] for one in each])) for name in each[0]}
                parts["agreement"] = agreed(totals) - float(np.mean(totals))
                cosine = float(np.mean(cosines))
            else:
                losses = [(taste - 1) * max(0.0, total) for taste, total in zip(tastes, totals, strict=True)]
                worth = [total + loss for total, loss in zip(totals, losses, strict=True)]
                winner = worth.index(max(worth))
                parts, cosine = dict(each[winner]), cosines[winner]
                parts["taste"] = losses[winner]
            scores = [self.sound(query, i, hub=hub) for query in unwanted]
            parts["unwanted"] = -params.NOT_WEIGHT * max([0.0, *scores])
            total = sum(parts.values())
            parts["discovery"] = -options.discover * (1 - rarity(self.songs[i].plays)) * max(0.0, total)
            sound = parts.pop("sound")
            parts |= {"cosine": cosine, "centring": sound - cosine}
            found.append(ScoredSong(self.songs[i], parts, winner))
        return sorted(found, key=lambda f: (-f.score, f.song.id)), min(margin for _, margin in tables)

    # Which may be in the list.

    def passes(self, song: RandomSong, queries: Sequence[AskedQuery], options: ListRequest) -> bool:
        filters = options.filters
        facts = (
            (song.year, filters.years),
            (song.duration_s, filters.duration_s),
            (song.energy, filters.energy),
        )
        for value, wanted in facts:
            if wanted is not None:
                if value is None:
                    return False
                if wanted.low is not None and value < wanted.low:
                    return False
                if wanted.high is not None and value > wanted.high:
                    return False
        if filters.keys and song.key not in filters.keys:
            return False
        if filters.tempo_bpm is not None and not self._has_tempo(song, filters.tempo_bpm):
            return False
        if filters.max_plays is not None and song.plays > filters.max_plays:
            return False
        since = filters.not_played_since
        if since is not None and song.last_played is not None and song.last_played >= since:
            return False
        if self._is_left_out(song, queries, options):
            return False
        if filters.voice is not None and filters.voice != self._voice(song):
            return False
        tags = [*filters.tags, *filters.moods]
        return self._has_tags(song, tags) and self._is_of_genre(song, filters.genres)

    @staticmethod
    def is_narrowed(options: ListRequest) -> bool:
        """Whether filters say what songs are to be: then nothing unrelated is listed."""
        f = options.filters
        said = (f.genres, f.tags, f.moods, f.keys, f.not_on, f.voice, f.years, f.duration_s, f.tempo_bpm)
        return any(said) or f.energy is not None

    @staticmethod
    def _is_left_out(song: RandomSong, queries: Sequence[AskedQuery], options: ListRequest) -> bool:
        artists = {plain(name) for name in options.filters.not_by}
        if options.exclude_same_artist:
            artists |= {plain(query.song.artist) for query in queries}
        albums = {plain(name) for name in options.filters.not_on}
        return plain(song.artist) in artists - {""} or plain(song.album) in albums - {""}

    def _voice(self, song: RandomSong) -> str:
        """The first tag of `random_catalog` says what is instrumental."""
        instrumental, _, vocal = self._mean(song, "tags")
        return "instrumental" if instrumental >= params.TAG_PRESENT and instrumental > vocal else "sung"

    @staticmethod
    def _has_tempo(song: RandomSong, wanted: Range) -> bool:
        """Whether a listener who taps once, twice or half a beat finds the tempo."""
        if song.tempo_bpm is None:
            return False
        low, high = wanted.low or 0.0, wanted.high or np.inf
        by_taps = (song.tempo_bpm, song.tempo_bpm / 2, song.tempo_bpm * 2)
        return any(low <= tempo <= high for tempo in by_taps)

    @staticmethod
    def _mean(song: RandomSong, name: str) -> Vectors:
        seconds = [segment.end_s - segment.start_s for segment in song.audible]
        return np.average([getattr(segment, name) for segment in song.audible], axis=0, weights=seconds)

    def _has_tags(self, song: RandomSong, wanted: Sequence[str]) -> bool:
        if not wanted:
            return True
        tags = dict(zip([tag.lower() for tag in TAGS], self._mean(song, "tags"), strict=True))
        return all(tags[name.lower()] >= params.TAG_PRESENT for name in wanted)

    def _is_of_genre(self, song: RandomSong, wanted: Sequence[str]) -> bool:
        """By the sums of the leaves below a node, written out for the labels of `random_catalog`."""
        if not wanted:
            return True
        bop, swing, thrash, pop, folk = self._mean(song, "genres")
        nodes = {
            "jazz": bop + swing,
            "jazz/bop": bop,
            "jazz/swing": swing,
            "rock": thrash + pop,
            "rock/hard": thrash,
            "rock/hard/thrash": thrash,
            "rock/pop": pop,
            "folk": folk,
        }
        names = {path for path, p in nodes.items() if p >= GENRE_SURE}
        steps = song.label.lower().split("/") if song.label else []
        names |= {"/".join(steps[: i + 1]) for i in range(len(steps))}
        names |= {path.split("/")[-1] for path in names}
        return any(name.lower() in names for name in wanted)

    # The list.

    def answer(
        self,
        queries: Sequence[AskedQuery],
        options: ListRequest,
        unwanted: Sequence[AskedQuery] = (),
        *,
        outside: bool = False,
        tastes: Sequence[float] | None = None,
        heard_above: int | None = None,
    ) -> Answer:
        """Return the list; `outside`: the queries are no tracks of the catalogue, but their sound is.

        `heard_above`: no other file of a song played more often than that is in the list.
        """
        contents = {query.song.content for query in unwanted}
        contents |= set() if outside else {query.song.content for query in queries}
        own = {query.song.recording for query in queries}
        if heard_above is not None:
            own |= {song.recording for song in self.songs.values() if song.plays > heard_above}
        ids = [
            i for i, s in self.songs.items() if s.content not in contents and self.passes(s, queries, options)
        ]
        if not ids:
            return Answer([], math.inf)
        ranked, margin = self.scored(queries, unwanted, options, ids, tastes)
        ranked = [found for found in ranked if found.song.recording not in own]
        if self.is_narrowed(options):
            margin = min([margin, *(abs(found.score) for found in ranked)])
            ranked = [found for found in ranked if found.score > 0]
        n = options.n
        firm: list[tuple[Callable[[ScoredSong], object], int]] = [(lambda f: f.song.recording, 1)]
        soft: list[tuple[Callable[[ScoredSong], object], int]] = []
        for key, wanted, usual in (
            (_artist, options.per_artist, max(3, math.ceil(3 * n / 10))),
            (lambda f: self.albums[f.song.id], options.per_album, max(2, math.ceil(n / 5))),
        ):
            (soft if wanted is None else firm).append((key, usual if wanted is None else wanted))
        limited = options.hub_correction and (options.per_artist, options.per_album) != (0, 0)
        if limited and tastes is None:  # limits choose by another order than the list has
            self.set_back = {f.song.id: corrected(f.score, self.limit_offsets[f.song.id]) for f in ranked}
        else:
            self.set_back = {}
        ranked.sort(key=lambda f: (-self._plain_worth(f), f.song.id))
        chosen, narrow = self._chosen(ranked, n, [*firm, *soft], options.diversity)
        if tastes is not None and len(chosen) == n:
            least = params.WORTH_A_TASTE * min(one.score for one in chosen)
            worth = [found for found in ranked if found.score >= least]
            narrow = min([narrow, *(abs(found.score - least) for found in ranked)])
            third = (lambda f: f"taste {f.winner}", math.ceil(n / 3))
            mixed, closer = self._chosen(worth, n, [*firm, *soft, third], options.diversity)
            if len(mixed) == n:
                chosen, narrow = mixed, min(narrow, closer)
        elif len(chosen) < n:
            chosen, narrow = self._chosen(ranked, n, firm, options.diversity)
        listed = [position for position, found in enumerate(ranked) if any(found is one for one in chosen)]
        looked_at = [ranked[i] for i in listed] if options.diversity else ranked[: max(listed, default=0) + 2]
        worth = self._plain_worth
        gaps = [worth(a) - worth(b) for a, b in pairwise(looked_at) if a.song.content != b.song.content]
        found = sorted((ranked[i] for i in listed), key=lambda f: (-f.score, f.song.id))
        gaps += [a.score - b.score for a, b in pairwise(found) if a.song.content != b.song.content]
        return Answer(found, min([margin, narrow, *gaps]))

    def _chosen(
        self,
        ranked: list[ScoredSong],
        n: int,
        caps: Sequence[tuple[Callable[[ScoredSong], object], int]],
        diversity: float,
    ) -> tuple[list[ScoredSong], float]:
        left, chosen, margin = list(ranked), [], math.inf
        while left and len(chosen) < n:
            worth = [self._worth(found, chosen, diversity) for found in left]
            best = max(range(len(left)), key=lambda k: (worth[k], -k))
            if diversity:
                rivals = [w for k, w in enumerate(worth) if left[k].song.content != left[best].song.content]
                margin = min([margin, *(worth[best] - w for w in rivals)])
            taken = left.pop(best)
            full = [
                key(taken) != "" and limit and sum(key(c) == key(taken) for c in chosen) >= limit
                for key, limit in caps
            ]
            if not any(full):
                chosen.append(taken)
        return chosen, margin

    def _plain_worth(self, found: ScoredSong) -> float:
        return found.score + self.set_back.get(found.song.id, 0.0)

    def _worth(self, found: ScoredSong, chosen: list[ScoredSong], diversity: float) -> float:
        if not chosen or not diversity:
            return self._plain_worth(found)
        nearest = max(float(self.directions[found.song.id] @ self.directions[c.song.id]) for c in chosen)
        return (1 - diversity) * self._plain_worth(found) - diversity * nearest

    def passage(self, queries: Sequence[AskedQuery], song: RandomSong) -> tuple[int, Aligned | None]:
        """Return which query's passage fits best, and where."""
        best: tuple[int, Aligned | None] = (0, None)
        for number, query in enumerate(queries):
            whole = patches_of(song)
            if query.passage:
                found = align(query.patches, whole, self.centre)
            else:
                cosines = unit(query.units - self.centre) @ self.vectors[song.id].T
                mine, its = np.unravel_index(cosines.argmax(), cosines.shape)
                segment = song.audible[its]
                around = whole.within(segment.start_s - params.AROUND_S, segment.end_s + params.AROUND_S)
                found = align(query.patches.within(*query.spans[mine]), around, self.centre)
            if found is not None and (best[1] is None or found.score > best[1].score):
                best = (number, found)
        return best


def limit_offsets_of(index: SegmentIndex) -> dict[int, float]:
    """Return what an index takes off its tracks where limits choose."""
    return dict(zip(index.rows.track_ids.tolist(), index.rows.limit_offsets.tolist(), strict=True))


def _artist(found: ScoredSong) -> str:
    return plain(found.song.artist)


def albums(songs: dict[int, RandomSong]) -> dict[int, str]:
    """Return the album of each song: of its artist wherever it lies, or of a folder that several share."""
    artists: dict[tuple[str, str], set[str]] = {}
    for song in songs.values():
        artists.setdefault((plain(song.album), song.folder), set()).add(plain(song.artist))
    found = {}
    for i, song in songs.items():
        name, artist = plain(song.album), plain(song.artist)
        alone = artist and artists[name, song.folder] == {artist}
        found[i] = (f"{name} of {artist}" if alone else f"{name} in {song.folder}") if name else ""
    return found
