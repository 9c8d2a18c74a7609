"""The shapes of the lists that the REST interface answers, for its description."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from db.models import LARGEST
from recommender import params
from recommender.service.rest.models import Measured, Probability, Song
from recommender.service.rest.params import LATEST_S, LATEST_YEAR, whole

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Number = Annotated[int, Field(ge=0, le=LARGEST), BeforeValidator(whole)]
TrackNumber = Annotated[int, Field(ge=1, le=LARGEST), BeforeValidator(whole)]
TrackNumbers = Annotated[list[TrackNumber], Field(max_length=params.MOST_NAMES)]
Text = Annotated[str, Field(max_length=params.LONGEST_TEXT)]
Names = Annotated[list[Text], Field(max_length=params.MOST_NAMES)]
Seconds = Annotated[float, Field(ge=0, le=LATEST_S, allow_inf_nan=False)]
Year = Annotated[int, Field(ge=0, le=LATEST_YEAR), BeforeValidator(whole)]
Tempo = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class AskedSong(Measured):
    """A song, or a passage of one, that others are compared with."""

    track_id: int | None
    path: str
    title: str
    artist: str
    passage: bool
    start_s: float
    end_s: float
    verdict: str = Field(description="What the model says of it: a label, `not music`, or `unsure: a or b`.")
    genres: list[Probability]
    tags: list[Probability]


class Trait(BaseModel):
    """A genre or tag, how probable it is of both songs, and what it counts."""

    name: str
    query: float
    match: float
    weight: float


class Alike(BaseModel):
    """How alike two moments are."""

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
    filters: list[str] = Field(description="Tempo, key, years and the like that the words name.")
    not_searched: list[str] = Field(description="A line for each word that nothing is known of.")
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


class WantedList(BaseModel):
    """A list that a playlist keeps itself filled with; its parameters are those of the lists themselves."""

    model_config = ConfigDict(strict=True, extra="forbid")

    list: Literal["similar", "discover", "find", "songs"] = Field(
        description="Like songs; never played, like what is played most; by words; all that pass the filters."
    )
    n: Annotated[int, Field(ge=1, le=params.LONGEST_PLAYLIST), BeforeValidator(whole)] = Field(
        params.N_RESULTS, description="How many songs at most; of all but `songs` no more than 500."
    )
    like: TrackNumbers | None = Field(None, description="Of `similar`: songs to go by.")
    any_of: bool | None = Field(None, description="Like one of them, not like each.")
    playlist: TrackNumber | None = Field(None, description="Of `similar`: like any song of a playlist.")
    unlike: TrackNumbers | None = None
    from_s: Seconds | None = None
    to_s: Seconds | None = None
    words: Text | None = Field(None, description="Of `find`; of `songs`, of artist, title and album.")
    not_words: Text | None = None
    seeds: Annotated[int, Field(ge=1, le=params.MOST_NAMES), BeforeValidator(whole)] | None = None
    since: Day | None = None
    sort: Literal["path", "artist", "title", "album", "plays", "id"] | None = None
    hub_correction: bool | None = None
    discover: Share | None = None
    diversity: Share | None = None
    per_artist: Number | None = None
    per_album: Number | None = None
    exclude_same_artist: bool | None = None
    genre: Names | None = None
    tag: Names | None = None
    mood: Names | None = None
    voice: Literal["sung", "instrumental"] | None = None
    year_from: Year | None = None
    year_to: Year | None = None
    duration_from_s: Seconds | None = None
    duration_to_s: Seconds | None = None
    max_plays: Number | None = None
    unplayed: bool | None = None
    not_played_since: Day | None = None
    not_played_days: Annotated[int, Field(ge=1, le=36_500), BeforeValidator(whole)] | None = Field(
        None, description="Not played for so many days, as of the day on which it is filled."
    )
    tempo_from: Tempo | None = None
    tempo_to: Tempo | None = None
    key: Names | None = None
    related_keys: bool | None = None
    energy_from: Share | None = None
    energy_to: Share | None = None
    not_artist: Names | None = None
    not_album: Names | None = None

    def said(self) -> dict[str, Any]:
        """Return what it says."""
        return self.model_dump(exclude_none=True)
