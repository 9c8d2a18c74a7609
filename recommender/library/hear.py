"""A file outside the catalogue to what a query needs of it."""

from pathlib import Path

from classifier.bundle import Bundle
from classifier.serve import Trunk
from recommender.library.file_tags import read_tags
from recommender.retrieval.query import HeardFile, Span


def hear(path: str, bundle: Bundle, span: Span | None = None) -> HeardFile:
    """Analyse a file outside the catalogue, or a stretch of it, for a query, on all processors.

    Raises
    ------
    AudioError
        If it cannot be analysed.
    """
    tags = read_tags(Path(path))  # first: a demuxer takes them in without any limit
    trunk = Trunk(bundle)
    if span is None:
        analysis = trunk.analyse_file(Path(path))
    else:
        analysis = trunk.analyse_stretch(Path(path), span.start_s, span.end_s)
    return HeardFile(tags.title or Path(path).stem, tags.artist, tags.album, analysis)
