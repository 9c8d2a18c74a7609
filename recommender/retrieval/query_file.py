"""A file outside the catalogue to what a query needs of it, in a process that reads files: no database."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from classifier.model.predictions import TrackAnalysis

if TYPE_CHECKING:
    from classifier.model.inference import Trunk


@dataclass(frozen=True)
class Span:
    """A part of a song, in seconds."""

    start_s: float
    end_s: float


@dataclass(frozen=True)
class AnalysedFile:
    """A file outside the catalogue: what its tags call it, perhaps nothing, and its analysis."""

    title: str
    artist: str
    album: str
    analysis: TrackAnalysis


def analysed_file(trunk: "Trunk", path: Path, span: Span | None) -> AnalysedFile:
    """Return what a file is called in its tags, and its analysis or that of an excerpt."""
    from recommender.file_tags.read import read_tags  # most queries name a catalogued track

    tags = read_tags(path)  # first: a demuxer takes them in without any limit
    if span is None:
        analysis = trunk.analyse_file(path)
    else:
        analysis = trunk.analyse_excerpt(path, span.start_s, span.end_s)
    return AnalysedFile(tags.title, tags.artist, tags.album, analysis)
