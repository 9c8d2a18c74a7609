"""A catalogue of random songs whose truth is known: what sounds alike, which files are one recording."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.genres.taxonomy import Taxonomy
from classifier.model.bundle import MUSICNN
from classifier.model.calibration import Calibration, MusicDetector
from db.session import Catalog
from db.sound.features import SegmentRow, store_segments
from db.tracks import root_for, search_key
from recommender.retrieval.index.segment_index import SegmentIndex
from recommender.retrieval.index.store import build
from tests.databases import open_catalog
from tests.db.rows import BUNDLE, TRUNK, new_track

Vectors = npt.NDArray[np.float64]

PATCH_S, SEGMENT_S = 3.0, 30.0
DIMENSIONS, STYLES = 12, 8
LABELS = ("jazz/bop", "jazz/swing", "rock/hard/thrash", "rock/pop", "folk")
TAGS = ("guitar", "Slow", "vocal")
FACETS = {"mood": [("Slow", 1)], "voice": [("instrumental", 0), ("vocal", 2)]}
"""Facets and columns of the tags: the first one, by the bundle, says what is instrumental."""
ARTISTS = (
    "Ann",
    "Bob",
    "Café Müller",
    "cafe muller",
    "Dora",
    "Émile",
    "Frida",
    "Gus",
    "Hal",
    "Ida",
    "Jo",
    "",
)
N_SONGS = 150
COPIES = {20: 3, 21: 3, 77: 40, 110: 109}
"""Songs that are identical copies of another one, by number."""
RECODED = {30: 3, 55: 6, 120: 60}
"""Songs that are other encodings of another one."""
PLANTED = {12: (4, 7, 13, 2), 33: (9, 12, 8, 5), 90: (31, 5, 10, 1), 91: (31, 6, 9, 3)}
"""Songs in which a stretch of another one lies: whose, its first patch, how many, and where it lies here."""
LEFT_OUT = {17: "missing", 66: "failed"}


@dataclass(frozen=True)
class RandomSegment:
    """A stretch of a song; a silent one has no patches."""

    start_s: float
    end_s: float
    patches: Vectors
    tags: npt.NDArray[np.float32]
    genres: npt.NDArray[np.float32]
    patch_s: float = PATCH_S

    @property
    def silent(self) -> bool:
        return not len(self.patches)

    @property
    def embedding(self) -> npt.NDArray[np.float32]:
        return self.patches.mean(axis=0).astype(np.float32)

    @property
    def patch_starts_s(self) -> list[float]:
        latest = max(self.start_s, self.end_s - self.patch_s)
        return [min(self.start_s + self.patch_s * i, latest) for i in range(len(self.patches))]


@dataclass(frozen=True)
class RandomSong:
    """A song as it was made; `recording` is the number of the song that it is another file of, or its own."""

    number: int
    recording: int
    content: str
    artist: str
    album: str
    folder: str
    year: int | None
    duration_s: float | None
    plays: int
    last_played: datetime | None
    label: str | None
    segments: list[RandomSegment] = field(repr=False)
    id: int = 0
    state: str = "ok"
    title: str | None = None
    tempo_bpm: float | None = None
    key: str | None = None
    energy: float | None = None

    @property
    def named(self) -> str:
        return f"song {self.number}" if self.title is None else self.title

    @property
    def audible(self) -> list[RandomSegment]:
        return [segment for segment in self.segments if not segment.silent]


class RandomBundle:
    """What retrieval asks of a bundle."""

    trunk_id, bundle_id, labels, tag_names = TRUNK, BUNDLE, LABELS, TAGS
    taxonomy = replace(Taxonomy.from_labels(LABELS), facet_tags=FACETS)
    front_end = SimpleNamespace(patch_s=PATCH_S)
    architecture, training = MUSICNN, dict[str, Any]()
    calibration: Calibration | None = None
    least_confidence: float | None = None
    architecture = {"name": "random"}  # noqa: RUF012 - as a bundle has it

    def genres(self, tags: npt.NDArray[np.float32], _embeddings: Any) -> npt.NDArray[np.float32]:
        return np.full((len(tags), len(LABELS)), 1 / len(LABELS), np.float32)


@dataclass
class Made:
    """The catalogue, its index, and the songs in it by id."""

    catalog: Catalog
    index: SegmentIndex
    songs: dict[int, RandomSong]
    bundle: Any = field(default_factory=RandomBundle)

    def numbered(self, number: int) -> RandomSong:
        return next(song for song in self.songs.values() if song.number == number)


def _walk(random: np.random.Generator, middle: Vectors, n: int) -> Vectors:
    """Return patches that wander about a song's own sound."""
    step = np.zeros(DIMENSIONS)
    found = []
    for _ in range(n):
        step = 0.6 * step + 0.55 * random.standard_normal(DIMENSIONS)
        found.append(middle + step)
    return np.stack(found)


def _segments(random: np.random.Generator, style: Vectors, number: int) -> list[RandomSegment]:
    full = int(random.choice([0, 0, 1, 2, 3, 5])) if number != 50 else 19
    ends = [SEGMENT_S * (i + 1) for i in range(full)]
    ends.append((ends[-1] if ends else 0.0) + round(random.uniform(12, 30), 1))
    middle = style + 0.5 * random.standard_normal(DIMENSIONS)
    quiet = 1 if full >= 3 and number % 9 == 0 else -1
    found = []
    for place, end_s in enumerate(ends):
        start_s = SEGMENT_S * place
        n = 0 if place == quiet else int(np.ceil((end_s - start_s) / PATCH_S))
        made = _walk(random, middle, n) if n else np.zeros((0, DIMENSIONS))
        tags = random.uniform(0, 0.25, len(TAGS)).astype(np.float32)
        genres = random.dirichlet(np.full(len(LABELS), 0.3)).astype(np.float32)
        found.append(RandomSegment(start_s, end_s, made, tags, genres))
    return found


def _with_patches(segments: list[RandomSegment], patches: Vectors) -> list[RandomSegment]:
    """Return segments with other patches, rounded as they are stored."""
    rounded = patches.astype(np.float16).astype(np.float64)
    cuts = np.cumsum([0, *(len(segment.patches) for segment in segments)])
    return [replace(s, patches=rounded[a:b]) for s, a, b in zip(segments, cuts, cuts[1:], strict=False)]


def make_songs(n: int = N_SONGS, seed: int = 5) -> list[RandomSong]:
    """Make the songs; ids come when they are stored."""
    random = np.random.default_rng(seed)
    styles = 0.9 * random.standard_normal((STYLES, DIMENSIONS)) + 0.5 * random.standard_normal(DIMENSIONS)
    songs: list[RandomSong] = []
    for number in range(n):
        segments = _segments(random, styles[random.integers(STYLES)], number)
        patches = np.concatenate([segment.patches for segment in segments])
        facts = _facts(random, number, segments)
        source = COPIES.get(number, RECODED.get(number))
        if number in PLANTED:
            whose, first, length, place = PLANTED[number]
            stretch = np.concatenate([s.patches for s in songs[whose].segments])[first : first + length]
            patches[place : place + len(stretch)] = stretch[: len(patches) - place]
        if source is None:
            songs.append(replace(facts, segments=_with_patches(segments, patches)))
            continue
        other = songs[source]
        patches = np.concatenate([segment.patches for segment in other.segments])
        if number in RECODED:
            patches = patches + 0.02 * random.standard_normal(patches.shape)
        songs.append(
            replace(
                facts,
                recording=other.recording,
                content=other.content if number in COPIES else facts.content,
                segments=_with_patches(other.segments, patches),
                artist=other.artist,
                album=other.album,
                folder=other.folder,
                duration_s=(other.duration_s or 0) + (0.3 if number in RECODED else 0),
            )
        )
    return songs


def _facts(random: np.random.Generator, number: int, segments: list[RandomSegment]) -> RandomSong:
    played = random.random() < 0.5
    known = number in RECODED.values() or number in COPIES.values() or random.random() < 0.9
    return RandomSong(
        number=number,
        recording=number,
        content=f"hash {number}",
        artist=str(random.choice(ARTISTS)),
        album=str(random.choice(["", "Best of", "BEST OF", "Live", "One", "Two", "Three"])),
        folder=str(random.choice(["a", "b", "c/d"])),
        year=int(random.integers(1960, 2020)) if random.random() < 0.8 else None,
        duration_s=segments[-1].end_s if known else None,
        plays=int(random.geometric(0.05)) if played else 0,
        last_played=datetime(2024, 1, 1 + number % 28) if played and number % 3 else None,
        label=[None, "jazz/bop", "polka/krakow/fast", "Rock/Pop", None][number % 5],
        segments=segments,
        tempo_bpm=[None, 60.0, 61.5, 90.0, 118.0, 120.0, 239.0][number % 7],
        key=[None, "A minor", "C major", "E minor", "F# major"][number % 5],
        energy=[None, 0.2, 0.5, 0.9][number % 4],
        state=LEFT_OUT.get(number, "ok"),
    )


def store(folder: Path, songs: list[RandomSong]) -> Made:
    """Store songs in a new catalogue and index them."""
    catalog = open_catalog(folder / "catalog.sqlite")
    stored: dict[int, RandomSong] = {}
    with catalog.transaction() as session:
        root = root_for(session, "/music")
        for song in songs:
            track = new_track(
                session,
                root,
                f"{song.folder}/{song.number}.mp3",
                title=song.named,
                search_text=search_key(song.artist, song.named),
                artist=song.artist,
                album=song.album,
                year=song.year,
                duration_s=song.duration_s,
                plays=song.plays,
                last_played=song.last_played,
                label=song.label,
                tempo_bpm=song.tempo_bpm,
                key=song.key,
                energy=song.energy,
                content_hash=song.content,
                analysed_hash=song.content,
                missing=song.state == "missing",
                error_kind="not_audio" if song.state == "failed" else None,
            )
            store_segments(session, track, [_row(segment) for segment in song.segments], TRUNK, BUNDLE)
            if song.state == "ok":
                stored[track.id] = replace(song, id=track.id)
    return Made(catalog, build(catalog, TRUNK)[0], stored)


def _row(segment: RandomSegment) -> SegmentRow:
    if segment.silent:
        return SegmentRow(segment.start_s, segment.end_s, -90.0, None, None, None, None)
    return SegmentRow(
        segment.start_s,
        segment.end_s,
        -14.0,
        embedding=segment.embedding,
        tags=segment.tags,
        patches=segment.patches,
        genres=segment.genres,
    )


def hears_no_music(made: Made) -> tuple[Made, set[int]]:
    """Return the songs with a bundle that takes some of them for no music, and which."""
    detector = MusicDetector(np.eye(DIMENSIONS, dtype=np.float32)[0], np.zeros(DIMENSIONS, np.float32), -0.2)
    bundle = RandomBundle()
    bundle.calibration = Calibration(1.0, 0.4, "", detector=detector)
    others = set()
    for song in made.songs.values():
        seconds = [segment.end_s - segment.start_s for segment in song.audible]
        mean = np.average([segment.embedding for segment in song.audible], axis=0, weights=seconds)
        if mean[0] - 0.2 > 0:
            others.add(song.id)
    return replace(made, bundle=bundle), others
