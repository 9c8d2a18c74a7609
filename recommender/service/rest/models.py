"""The shapes of what the REST interface answers, for its description."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

Time = Annotated[str, Field(description="ISO 8601, in UTC.", json_schema_extra={"format": "date-time"})]


class Probability(BaseModel):
    """A genre, tag or node of the hierarchy, and how probable it is."""

    name: str
    probability: float = Field(ge=0, le=1)


class PartOfFile(BaseModel):
    """Which part of a file a track is."""

    file: str
    start_s: float
    end_s: float | None


class Measured(BaseModel):
    """What is measured of a song or segment; null where there is none, or it was not measured yet."""

    tempo_bpm: float | None = Field(description="Beats per minute.")
    tempo_confidence: float | None = Field(ge=0, le=1, description="That the tempo is right within 4 %.")
    key: str | None = Field(description="Such as `A minor`; sharps alone.")
    key_confidence: float | None = Field(ge=0, le=1, description="That the key is the right one.")
    loudness_lufs: float | None = Field(description="Integrated, after EBU R128.")
    loudness_confidence: float | None = Field(ge=0, le=1, description="That it is right within 0.5 LU.")
    energy: float | None = Field(ge=0, le=1, description="How loud, busy and bright it is.")
    energy_confidence: float | None = Field(ge=0, le=1, description="How far these three agree.")


class Song(Measured):
    """A track of the catalogue."""

    track_id: int
    path: str
    title: str
    artist: str
    album: str
    year: int | None
    duration_s: float | None
    plays: int
    last_played: Time | None
    label: str | None = Field(description="The user's own.")
    range: PartOfFile | None = Field(None, description="Of a track of a cue sheet; absent of others.")
    verdict: str | None = Field(
        description="What the model says: a label, `not music`, or `unsure: a or b`; null if not analysed."
    )
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

    verdict: str = Field(description="The label in words: where it is unsure, between what.")
    label: str = Field(description="The finest sure label, or `not music`, or `unsure`.")
    label_probability: float | None
    unknown: str | None = Field(description="Why it is `not music` or `unsure`.")
    nearest: Probability
    genres: list[Probability]
    hierarchy: list[Probability]
    facets: dict[str, list[Probability]]


class SegmentSound(Measured):
    """A segment of a song and what it sounds like."""

    start_s: float
    end_s: float
    level_dbfs: float
    silent: bool
    genres: list[Probability]
    tags: list[Probability]


class TrackDetails(Song):
    """All that is known of a track."""

    label_source: str | None
    starred: Time | None
    rating: int | None = Field(ge=1, le=5)
    file: TrackFile
    judgement: Judgement | None = Field(description="Null where the track is not analysed.")
    segments: list[SegmentSound]


class Preview(BaseModel):
    """The excerpt that stands for a song."""

    start_s: float
    end_s: float


class Classified(Judgement, Measured):
    """What a file sounds like."""

    path: str = Field(description="The name that it was sent by.")
    duration_s: float
    tags: list[Probability]
    preview: Preview
    warnings: list[str]
    segments: list[SegmentSound]


class Computing(BaseModel):
    """It is being computed; ask again."""

    status: Literal["computing"]


class Health(BaseModel):
    """Whether the service can answer."""

    status: Literal["ok"]


class IngestProgress(BaseModel):
    """How far an ingest is that is running."""

    done: int
    found: int = Field(description="Files that are to be done, as far as they have been found.")


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
    index_tracks: int = Field(description="In the index that was published last.")
    ingest: IngestProgress | None = Field(description="Null where none is running.")
    index_search: str | None
    index_recall_at_10: float | None
    hub_reference_tracks: int
    hub_reference_frozen_at_tracks: int
    roots: list[dict[str, str | bool]]
    missing_files: list[dict[str, str]]
    failed_files: list[dict[str, str]]
    warnings: list[dict[str, str]]


class Count(BaseModel):
    """How many tracks something is true of."""

    name: str
    tracks: int


class GenreCounts(BaseModel):
    """Genres and labels, the most common first."""

    genres: list[Count]


class TagCount(Count):
    """How many tracks have a tag, and of which facet it is: a mood, voice, instrument, era, or none."""

    facet: str | None


class TagCounts(BaseModel):
    """Tags, the most common first."""

    tags: list[TagCount]


class Plays(BaseModel):
    """How often a track was played."""

    track_id: int
    plays: int
    last_played: Time | None


class Evaluation(BaseModel):
    """Measured figures; null where there are none."""

    bundle_id: str
    training: dict[str, Any] | None = Field(description="Of the model, when it was trained.")
    classifier: dict[str, Any] | None
    recommender: dict[str, Any] | None


class Waveform(BaseModel):
    """The peaks of an excerpt of a track, evenly over it."""

    track_id: int
    duration_s: float
    start_s: float
    end_s: float
    peaks: list[float]
