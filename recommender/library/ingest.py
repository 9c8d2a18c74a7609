"""Ingest folders: scan, plan, identify, analyse, store, one transaction a track."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

from classifier.model.bundle import Bundle
from classifier.model.predictions import TrackAnalysis
from classifier.system_errors import said
from db.models import Root
from db.session import Catalog
from db.tracks import root_for
from recommender import params
from recommender.labels.rules import Rule, label_rule
from recommender.library.file_rows import FileRows
from recommender.library.ingest_report import FailedFile, IngestReport
from recommender.library.plan import Plan, plan, set_missing, still_gone
from recommender.library.scan import FoundFile, find_files, grouped_by_inode
from recommender.library.workers.boundary import Failure
from recommender.library.workers.pool import Identity, Workers, analyse, identify, tags_of

if TYPE_CHECKING:
    from recommender.library.workers.cluster import ClusterWorkers

    AnyWorkers = Workers[FoundFile] | ClusterWorkers[FoundFile]

Progress = Callable[[int, int], None]
"""Called with files done and files to do."""


def ingest(
    catalog: Catalog,
    bundle: Bundle,
    folders: Sequence[str],
    labels: str = "none",
    label_depth: int = 1,
    jobs: int | None = None,
    progress: Progress = lambda done, total: None,
    cluster: "ClusterWorkers[FoundFile] | None" = None,
    home: Path | None = None,
) -> IngestReport:
    """Bring the catalogue up to date with some folders.

    Parameters
    ----------
    catalog
        Where to write; the caller holds the home's writer lock.
    bundle
        The active bundle.
    folders
        Existing directories.
    labels, label_depth
        Where labels come from; see `recommender.labels.rules.label_rule`.
    jobs
        Worker processes; None for one a processor.
    progress
        Told as files are done.
    cluster
        Workers that read the files, in place of processes of this machine.
    home
        Whose log file is told of failures that somebody might mend; None for none.

    Raises
    ------
    LabelError
        If the label rule cannot be used; nothing is written then.
    WorkerStartError
        If no worker process can be started; what was done until then is kept.
    """
    started = perf_counter()
    places = [os.path.abspath(folder) for folder in folders]
    rules = [label_rule(labels, place, label_depth) for place in places]
    rows = FileRows(catalog, bundle, home)
    run = _Ingest(catalog, bundle, jobs or os.cpu_count() or 1, progress, cluster, rows)
    for place, rule in zip(places, rules, strict=True):
        run.folder(place, rule)
    run.finish()
    run.report.seconds = perf_counter() - started
    return run.report


class _Ingest:
    """One run over some folders."""

    def __init__(
        self,
        catalog: Catalog,
        bundle: Bundle,
        jobs: int,
        progress: Progress,
        cluster: "ClusterWorkers[FoundFile] | None",
        rows: FileRows,
    ) -> None:
        self.catalog, self.bundle, self.jobs, self.cluster = catalog, bundle, jobs, cluster
        self._rows = rows
        self.report = IngestReport()
        self._progress = progress
        self._gone: list[tuple[str, list[int], bool]] = []
        self._done = self._total = 0
        # The file that is analysed for each recording, and the files that wait for that, itself among them.
        self._leaders: dict[str, FoundFile] = {}
        self._waiting: dict[FoundFile, dict[FoundFile, Identity]] = {}

    def folder(self, place: str, rule: Rule | None) -> None:
        """Run all stages on one folder, but for what only the end of the run can tell."""
        unlisted: dict[str, OSError] = {}
        found = [file for file in find_files(place, unlisted) if self._can_hold(file)]
        self._report_unlisted(unlisted)
        with self.catalog.transaction() as session:
            root = root_for(session, place)
            made = plan(session, root, place, found, self.bundle.trunk_id, unlisted)
        self.report.found += len(found)
        self.report.unchanged += made.unchanged
        self.report.known_failures += made.known_failures
        self._total += len(made.changed) + len(made.new) + len(made.outdated)
        self._progress(self._done, self._total)
        if made.changed or made.new:
            self._update(root, made)
        self._read_tags_again(root, made.outdated)
        self._gone.append((place, made.gone, bool(found)))
        if rule is not None:
            self._rows.label(place, rule)

    def _report_unlisted(self, unlisted: dict[str, OSError]) -> None:
        """Report folders that cannot be listed; those of others, such as lost+found, are no failure."""
        for folder, error in unlisted.items():
            message = f"the folder cannot be listed: {said(error).lower()}"
            if isinstance(error, PermissionError):
                self.report.warned.append((folder, message))
            else:
                self.report.failed.append(FailedFile(folder, "unreadable", message))

    def _can_hold(self, file: FoundFile) -> bool:
        """Whether the catalogue can hold a file's path; report it where it cannot."""
        longest = self.catalog.longest_path
        if longest is None or len(os.fsencode(file.path)) <= longest:
            return True
        message = f"its path is longer than the {longest} bytes that the database can hold"
        self.report.failed.append(FailedFile(file.path, "path_too_long", message))
        return False

    def finish(self) -> None:
        """Mark what is gone, now that every folder had its chance to show where it went."""
        for place, gone, found_any in self._gone:
            self._mark_missing(place, gone, found_any)

    def _update(self, root: Root, made: Plan) -> None:
        """Identify files, and analyse those whose audio is new, while others are being identified."""
        jobs = min(self.jobs, len(made.changed) + len(made.new))
        with self._workers(jobs) as workers:
            for part in self._parts(made):
                unheard = self._unheard(workers, root, part)
                # A cluster's workers do one kind of task at a time.
                files = unheard if self.cluster is None else list(unheard)
                for file, result in workers.run(files, analyse):
                    self._take(root, file, result)

    def _parts(self, made: Plan) -> list[Plan]:
        """Return what is done in one go: all on this machine, some at a time on a cluster."""
        if self.cluster is None:
            return [made]
        step = params.IDENTIFY_TOGETHER
        parts = [replace(made, changed=[], new=made.new[i : i + step]) for i in range(0, len(made.new), step)]
        first, *rest = parts or [replace(made, new=[])]
        return [replace(first, changed=made.changed), *rest]

    def _unheard(self, workers: "AnyWorkers", root: Root, made: Plan) -> Iterator[tuple[FoundFile, str]]:
        """Yield the files whose audio is new, as it turns out.

        Changed files are identified before any is analysed, and new ones with them, since a file may have
        taken another's name.
        """
        n_together = params.IDENTIFY_TOGETHER if made.changed else 0
        together = made.changed + made.new[:n_together]
        yield from self._new_audio(root, dict(self._identify(workers, root, together)))
        for file, identity in self._identify(workers, root, made.new[n_together:]):
            yield from self._new_audio(root, {file: identity})

    def _workers(self, jobs: int) -> "AbstractContextManager[AnyWorkers]":
        return (
            Workers[FoundFile](self.bundle.path, jobs) if self.cluster is None else nullcontext(self.cluster)
        )

    def _identify(
        self, workers: "AnyWorkers", root: Root, files: list[FoundFile]
    ) -> Iterator[tuple[FoundFile, Identity]]:
        """Hash the files and read their tags, of one that has several names once."""
        groups = {group[0]: group for group in grouped_by_inode(files)}
        again: list[FoundFile] = []
        for file, result in workers.run(((file, file.path) for file in list(groups)), identify):
            names = groups.pop(file)
            if isinstance(result, Identity):
                self.report.stage_s["identify"] += result.seconds
                yield from ((name, result) for name in names)
            elif isinstance(result, Failure):
                self._fail(root, {file: None}, result)
                again += names[1:]
        # What failed may be the name's fault: each of the others speaks for itself.
        if again:
            yield from self._identify(workers, root, [replace(file, inode=None) for file in again])

    def _new_audio(
        self, root: Root, identified: dict[FoundFile, Identity]
    ) -> Iterator[tuple[FoundFile, str]]:
        """Settle files, and yield what must be analysed for the others: each recording once."""
        settled = self._settle(root, identified)
        for file, identity in identified.items():
            if file in settled:
                continue
            leader = self._leaders.setdefault(identity.content_hash or file.path, file)
            self._waiting.setdefault(leader, {})[file] = identity
            if leader is file:
                yield file, file.path

    def _settle(self, root: Root, identified: dict[FoundFile, Identity]) -> set[FoundFile]:
        """Store what needs no analysis; return the files that this was enough for."""
        if not identified:
            return set()
        outcomes = self._rows.settle(root, identified)
        for file, outcome in outcomes.items():
            if isinstance(outcome, Failure):
                self._fail(root, {file: None}, outcome)
                continue
            setattr(self.report, outcome, getattr(self.report, outcome) + 1)
            self._step()
        return set(outcomes)

    def _take(self, root: Root, file: FoundFile, result: object) -> None:
        """Store a file's analysis, or why there is none; what waits as its copy gets the same."""
        waiting = self._waiting.pop(file)
        del self._leaders[waiting[file].content_hash or file.path]
        if isinstance(result, TrackAnalysis):
            self._store(root, file, waiting.pop(file), result)
        for some in _in_parts(list(waiting.items()), params.SETTLED_TOGETHER):
            if isinstance(result, Failure):
                self._fail(root, dict(some), result)
            else:
                self._settle(root, dict(some))

    def _store(self, root: Root, file: FoundFile, identity: Identity, analysis: TrackAnalysis) -> None:
        started = perf_counter()
        failure = self._rows.store(root, file, identity, analysis)
        if failure is not None:
            self._fail(root, {file: None}, failure)
            return
        self.report.stage_s["database"] += perf_counter() - started
        for stage, seconds in analysis.stage_s.items():
            self.report.stage_s[stage] += seconds
        self.report.analysed += 1
        self.report.audio_s += analysis.duration_s
        self.report.warned += [(file.path, warning) for warning in analysis.warnings]
        self._step()

    def _fail(self, root: Root, files: Mapping[FoundFile, Identity | None], failure: Failure) -> None:
        told = self._rows.fail(root, files, failure)
        self.report.failed += [FailedFile(file.path, told.kind, told.message) for file in files]
        self._step(len(files))

    def _mark_missing(self, place: str, gone: list[int], found_any: bool) -> None:
        if not gone:
            return
        if not found_any:
            self.report.notes.append(
                f"{place} holds no audio file any more; its {len(gone)} tracks are kept as they are "
                "in case it is a disk that is not mounted"
            )
            return
        with self.catalog.transaction() as session:
            lost = still_gone(session, gone)
            set_missing(session, lost, missing=True)
        self.report.missing += len(lost)

    def _read_tags_again(self, root: Root, files: list[FoundFile]) -> None:
        if not files:
            return
        with self._workers(min(self.jobs, len(files))) as workers:
            results = workers.run(((file, file.path) for file in files), tags_of)
            while some := dict(islice(results, params.IDENTIFY_TOGETHER)):
                self._rows.retag(root, some)
                self._step(len(some))

    def _step(self, n_files: int = 1) -> None:
        self._done += n_files
        self._progress(self._done, self._total)


Item = TypeVar("Item")


def _in_parts(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))
