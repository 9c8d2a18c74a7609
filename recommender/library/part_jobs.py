"""Tracks that cue sheets cut out of files, to be analysed: each file is decoded once for all of its own."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from db.values import in_parts
from recommender.library import params
from recommender.library.scan import FoundFile
from recommender.library.sheet_parts import SheetPart
from recommender.library.workers.boundary import Failure
from recommender.library.workers.tasks import RangesAnalysis

if TYPE_CHECKING:
    from recommender.library.workers.cluster import ClusterWorkers
    from recommender.library.workers.pool import Workers


class PartJobs:
    """The parts of files that wait to be analysed."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[tuple[SheetPart, FoundFile]]] = {}

    def add(self, part: SheetPart, file: FoundFile) -> None:
        """Have a part of a file analysed by the next run."""
        self._waiting.setdefault(file.file, []).append((part, file))

    def run(
        self, workers: "Workers[FoundFile] | ClusterWorkers[FoundFile]"
    ) -> Iterator[tuple[FoundFile, object]]:
        """Analyse what waits; yield each part with its analysis, or why there is none."""
        waiting, self._waiting = self._waiting, {}
        for paths in in_parts(list(waiting), params.SETTLED_TOGETHER):
            parts = {path: sorted(waiting[path], key=lambda pair: pair[0].start_s) for path in paths}
            ranges = {path: [(part.start_s, part.end_s) for part, _ in of] for path, of in parts.items()}
            jobs = ((of[0][1], path) for path, of in parts.items())
            for first, results in workers.run(jobs, RangesAnalysis(ranges)):
                files = [file for _, file in parts[first.file]]
                if isinstance(results, Failure):
                    yield from ((file, results) for file in files)
                elif isinstance(results, list):
                    yield from zip(files, results, strict=True)
