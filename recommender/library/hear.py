"""A file outside the catalogue to what a query needs of it."""

from pathlib import Path

from classifier.bundle import Bundle
from classifier.serve import Trunk
from recommender.library.file_tags import read_tags
from recommender.retrieval.query import HeardFile


def hear(path: str, bundle: Bundle) -> HeardFile:
    """Analyse a file outside the catalogue, for a query, on all processors.

    Raises
    ------
    AudioError
        If it cannot be analysed.
    """
    analysis = Trunk(bundle).analyse_file(Path(path))
    tags = read_tags(Path(path))
    return HeardFile(tags.title or Path(path).stem, tags.artist, analysis)
