"""A service of several: it takes over the bundle and the index of the home that ingest and train write to.

Each machine has a home of its own, on its own disk. What they share is the catalogue on a server, and one
home on storage that all can read, which the others follow.
"""

import logging
from pathlib import Path

from classifier.errors import BundleError, ClassifierError
from recommender.errors import HomeLockedError, RecommenderError
from recommender.home import Home
from recommender.retrieval.index.files import read_sidecar
from recommender.retrieval.index.taken_over import take_over

LOG = logging.getLogger("deepcuts")


class Following:
    """What a home does to be like another.

    Parameters
    ----------
    home
        Which is written to.
    source
        The folder of the other, which is only read.
    """

    def __init__(self, home: Home, source: Path) -> None:
        self._home, self._source, self._said = home, Home(source), ""

    def take_over(self, token: str | None) -> None:
        """Take over the active bundle, and the index where it is nearer to the catalogue's vectors.

        What cannot be had is logged, once, and tried again the next time: what is here goes on answering.
        """
        try:
            self._bundle()
            take_over(self._source.index_dir, self._home.index_dir, self._home.bundle().trunk_id, token)
            self._said = ""
        except HomeLockedError:  # a command writes to this very home
            pass
        except (ClassifierError, RecommenderError, OSError) as error:
            if str(error) != self._said:
                LOG.warning("what %s has could not be taken over: %s", self._source.path, error)
            self._said = str(error)

    def _bundle(self) -> None:
        """Make the bundle active here that is active there; where nothing was made yet, there is none."""
        if read_sidecar(self._source.index_dir) is None or self._is_the_same():
            return
        with self._home.folder_lock():
            self._home.activate(self._source.bundle())

    def _is_the_same(self) -> bool:
        there = self._source.active_name()
        try:
            return there == self._home.active_name()
        except BundleError:  # a damaged one
            return False
