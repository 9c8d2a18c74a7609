"""The shapes of the lists that the REST interface answers, for its description."""

from pydantic import BaseModel, Field

from recommender.service.rest.models import Probability, Song


class AskedSong(BaseModel):
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
