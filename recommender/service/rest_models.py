"""The shapes of what the REST interface answers, for its description."""

from typing import Literal

from pydantic import BaseModel, Field


class Probability(BaseModel):
    """A genre, tag or node of the hierarchy, and how probable it is."""

    name: str
    probability: float = Field(ge=0, le=1)


class Song(BaseModel):
    """A track of the catalogue."""

    track_id: int
    path: str
    title: str
    artist: str
    album: str
    year: int | None
    duration_s: float | None
    plays: int
    last_played: str | None = Field(description="ISO 8601, in UTC.")
    genres: list[Probability]
    tags: list[Probability] = Field(description="The ten most probable.")


class SongPage(BaseModel):
    """Some tracks of a longer list."""

    total: int = Field(description="Tracks in the whole list.")
    offset: int
    limit: int
    next_offset: int | None = Field(description="Where the next page begins; null on the last one.")
    tracks: list[Song]


class FileError(BaseModel):
    """Why a file could not be analysed."""

    kind: str
    message: str | None


class TrackFile(BaseModel):
    """The file of a track, as it was when it was last ingested."""

    root: str
    size_bytes: int
    modified_s: float = Field(description="Seconds since 1970.")
    genres: list[str] = Field(description="Of the file's own tags.")
    content_hash: str | None
    warning: str | None
    error: FileError | None


class Judgement(BaseModel):
    """What the model says of a song."""

    label: str = Field(description="The finest sure label, or `unknown`.")
    label_probability: float | None
    unknown: str | None = Field(description="Why the model had better not decide.")
    nearest: Probability
    genres: list[Probability]
    hierarchy: list[Probability]
    facets: dict[str, list[Probability]]


class SegmentSound(BaseModel):
    """A stretch of a song and what it sounds like."""

    start_s: float
    end_s: float
    level_dbfs: float
    silent: bool
    genres: list[Probability]
    tags: list[Probability]


class TrackDetails(Song):
    """All that is known of a track."""

    label: str | None
    label_source: str | None
    file: TrackFile
    judgement: Judgement | None = Field(description="Null where the track is not analysed.")
    segments: list[SegmentSound]


class AskedSong(BaseModel):
    """A song, or a passage of one, that others are compared with."""

    track_id: int | None
    path: str
    title: str
    artist: str
    passage: bool
    start_s: float
    end_s: float
    genres: list[Probability]
    tags: list[Probability]


class Trait(BaseModel):
    """A genre or tag, how probable it is of both songs, and what it counts."""

    name: str
    query: float
    match: float
    weight: float


class Alike(BaseModel):
    """How alike two places are."""

    query_s: float
    match_s: float
    alike: float


class ScorePart(BaseModel):
    """What a part of a score says, and adds to it."""

    words: str
    adds: float


class Reasons(BaseModel):
    """Why a song is in a list."""

    words: list[str]
    shared_tags: list[Trait]
    shared_genres: list[Trait]
    more: list[Trait] = Field(description="Tags that the match has more of.")
    less: list[Trait]
    parts: list[ScorePart]
    passages_score: float | None
    curve: list[Alike] = Field(description="How alike both passages are over time.")


class RankedSong(Song):
    """A song of a ranked list."""

    rank: int


class SimilarSong(RankedSong):
    """A song that sounds like what was asked for; which passages match, in seconds."""

    similarity: float = Field(ge=0, le=1)
    query: int = Field(description="Which of the queries the passages are of.")
    query_start_s: float | None
    query_end_s: float | None
    match_start_s: float | None
    match_end_s: float | None
    score: float
    score_parts: dict[str, float]
    reasons: Reasons | None = Field(default=None, description="Only where `explain` asks for them.")


class OtherFile(BaseModel):
    """Another file of the same recording."""

    track_id: int
    path: str


class SimilarAnswer(BaseModel):
    """Songs that sound like the queries."""

    query: AskedSong
    queries: list[AskedSong]
    unwanted: list[AskedSong]
    trunk_id: str
    results: list[SimilarSong]
    same_recording: list[OtherFile]
    shortfall: str | None = Field(description="Why there are fewer than asked for.")


class MapTrack(BaseModel):
    """A track on the map; x and y in −1..1."""

    track_id: int
    title: str
    artist: str
    x: float
    y: float
    genre: str | None


class MapAnswer(BaseModel):
    """The catalogue in two dimensions."""

    status: Literal["ready"]
    tracks: list[MapTrack]


class Computing(BaseModel):
    """It is being computed; ask again."""

    status: Literal["computing"]


class Health(BaseModel):
    """Whether the service can answer."""

    status: Literal["ok"]


class Because(BaseModel):
    """The song that another is listed for."""

    track_id: int
    title: str
    artist: str
    plays: int


class DiscoveredSong(SimilarSong):
    """A deep cut, and the song it is listed for."""

    because: Because


class DiscoverAnswer(BaseModel):
    """Songs never played that sound like what is played most."""

    seeds: list[Song]
    trunk_id: str
    results: list[DiscoveredSong]
    shortfall: str | None


class Term(BaseModel):
    """A tag, genre or label that is wanted, or not."""

    name: str
    wanted: bool


class FoundSong(RankedSong):
    """A song that words fit; 0.5 is as strong as usual."""

    score: float
    strengths: dict[str, float]


class FindAnswer(BaseModel):
    """Songs that are what some words say."""

    terms: list[Term]
    results: list[FoundSong]
    shortfall: str | None


class StepSong(RankedSong):
    """A song of a walk, and how like the one before it is."""

    step: float | None


class PathAnswer(BaseModel):
    """A walk from one song to another."""

    trunk_id: str
    results: list[StepSong]
    shortfall: str | None


class CatalogueStatus(BaseModel):
    """What the catalogue holds and in which state."""

    home: str
    database: str
    tracks: int
    analysed: int
    missing: int
    failed: int
    warned: int
    labelled: int
    played: int
    segments: int
    silent_segments: int
    to_analyse_again: int
    bundle_id: str
    trunk_id: str
    labels: list[str]
    index: str
    index_search: str | None
    index_recall_at_10: float | None
    hub_reference_tracks: int
    hub_reference_frozen_at_tracks: int
    roots: list[dict[str, str | bool]]
    missing_files: list[dict[str, str]]
    failed_files: list[dict[str, str]]
    warnings: list[dict[str, str]]
