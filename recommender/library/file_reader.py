"""A single file to what a command wants of it, in a worker process: it may be any file at all."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from classifier.model.bundle import Bundle
from classifier.model.predictions import TrackAnalysis
from recommender.retrieval.query_file import AnalysedFile, Span

# What reads files, and runs workers, is loaded once a file is read: most queries name a catalogued track.
if TYPE_CHECKING:
    from recommender.library.workers.pool import Workers


class FileReader:
    """Reads files outside the catalogue, in one worker process, on all processors.

    The process is started when it is first needed.

    Parameters
    ----------
    bundle
        Whose trunk analyses them; None where none are analysed.
    home
        Where failures are logged; None for nowhere.
    """

    def __init__(self, bundle: Bundle | None, home: Path | None = None) -> None:
        self._bundle_path = bundle.path if bundle is not None else None
        self._home = home
        self._workers: Workers[None] | None = None

    def __enter__(self) -> "FileReader":
        return self

    def __exit__(self, *error: object) -> None:
        if self._workers is not None:
            self._workers.__exit__(*error)

    def attempt(self, task: Callable[[str], object], path: str) -> Any:
        """Return what a task gives for a file, or a `Failure`.

        Raises
        ------
        WorkerStartError
            If no process can be started.
        """
        from recommender.library.workers.boundary import Failure, noted
        from recommender.library.workers.pool import Workers

        if self._workers is None:
            self._workers = Workers[None](self._bundle_path, 1, 0)
        ((_, result),) = self._workers.run([(None, path)], task)
        return noted(self._home, path, result) if isinstance(result, Failure) else result

    def do(self, task: Callable[[str], object], path: str) -> Any:
        """Return what a task gives for a file.

        Raises
        ------
        AudioError
            If it fails.
        WorkerStartError
            If no process can be started.
        """
        from recommender.library.workers.boundary import Failure, error_of

        result = self.attempt(task, path)
        if isinstance(result, Failure):
            raise error_of(result)
        return result

    def content_hash(self, path: str) -> str | None:
        """Return the hash of a file's audio; None where it has none. Raises as `do` does."""
        from recommender.library.workers.tasks import hash_of

        found: str | None = self.do(hash_of, path)
        return found

    def analyse(self, path: str) -> TrackAnalysis:
        """Return the analysis of a file. Raises as `do` does."""
        from recommender.library.workers.tasks import analyse

        found: TrackAnalysis = self.do(analyse, path)
        return found

    def analyse_query(self, path: str, span: Span | None = None) -> AnalysedFile:
        """Return what a query needs of a file, or of an excerpt of it. Raises as `do` does."""
        found: AnalysedFile = self.do(partial(_analysed, span=span), path)
        return found


def _analysed(path: str, span: Span | None) -> AnalysedFile:
    """Analyse a file, or an excerpt of it; runs in a worker."""
    from recommender.library.workers.tasks import loaded_trunk
    from recommender.retrieval.query_file import analysed_file

    return analysed_file(loaded_trunk(), Path(path), span)
