"""Ingest folders: scan, plan, identify, analyse, store, one transaction a track."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from classifier.model.bundle import Bundle
from classifier.model.predictions import TrackAnalysis
from db.models import Root
from db.session import Catalog
from db.tracks import root_for
from db.values import in_parts
from recommender.labels.rules import Rule, label_rule
from recommender.library import params
from recommender.library.file_rows import FileRows
from recommender.library.ignore_rules import IgnoreRules, excluding
from recommender.library.ingest_plan import Choice, FailedFile, IngestPlan, IngestReport, plan
from recommender.library.part_jobs import PartJobs
from recommender.library.scan import FoundFile, ScanNotes, find_files, grouped_by_inode
from recommender.library.workers.boundary import Failure
from recommender.library.workers.pool import Workers
from recommender.library.workers.tasks import Identity, analyse, identify, measure, tags_of

if TYPE_CHECKING:
    from recommender.library.workers.cluster import ClusterWorkers

    Cluster = ClusterWorkers[FoundFile]
    AnyWorkers = Workers[FoundFile] | Cluster

Progress = Callable[[int, int], None]
"""Called with files done and files to do."""
Task = Callable[[str], object]


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
    choice: Choice = Choice(),
) -> IngestReport:
    """Bring the catalogue up to date with some folders.

    Parameters
    ----------
    catalog, bundle
        Where to write, the home's writer lock being held, and the active bundle.
    folders, labels, label_depth
        Existing directories, and where their labels come from; see `recommender.labels.rules.label_rule`.
    jobs, cluster
        Worker processes, None for one a processor; or the workers of a cluster in their place.
    progress, home
        Told as files are done; whose log file is told of failures that somebody might mend, if any.
    choice
        Which of the files.

    Raises
    ------
    ValueError, LabelError
        If a pattern is none, or the label rule cannot be used; nothing is written then.
    WorkerStartError
        If no worker process can be started; what was done until then is kept.
    """
    started = perf_counter()
    paths = [os.path.abspath(folder) for folder in folders]
    rules = [label_rule(labels, path, label_depth) for path in paths]
    ignored = [excluding(path, choice.exclude) for path in paths]
    run = _Ingest(catalog, bundle, jobs or os.cpu_count() or 1, progress, cluster, home)
    for path, rule, ignore in zip(paths, rules, ignored, strict=True):
        run.folder(path, rule, ignore, retry=choice.retry)
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
        cluster: "Cluster | None",
        home: Path | None,
    ) -> None:
        self.catalog, self.bundle, self.jobs, self.cluster = catalog, bundle, jobs, cluster
        self._rows = FileRows(catalog, bundle, home)
        self.report = IngestReport()
        self._progress = progress
        self._gone: list[tuple[str, list[int], bool]] = []
        self._done = self._total = 0
        self._of_sheets = PartJobs()
        # The file that is analysed for each recording, and the files that wait for that, itself among them.
        self._leaders: dict[str, FoundFile] = {}
        self._waiting: dict[FoundFile, dict[FoundFile, Identity]] = {}

    def folder(self, folder: str, rule: Rule | None, ignore: IgnoreRules, *, retry: bool) -> None:
        """Run all stages on one folder, but for what only the end of the run can tell."""
        notes = ScanNotes()
        longest = self.catalog.longest_path
        found = [f for f in find_files(folder, notes, ignore) if self.report.can_hold(f, longest)]
        with self.catalog.transaction() as session:
            root = root_for(session, folder)
            made = plan(session, root, folder, found, self.bundle.trunk_id, notes, retry=retry)
        self.report.take_in(notes)
        self.report.missing += len(made.left_out)
        self.report.found += made.found
        self.report.unchanged += made.unchanged
        self.report.known_failures += made.known_failures
        self._total += made.to_do
        self._progress(self._done, self._total)
        made.changed += self._renewed(root, made.to_renew)
        if made.changed or made.new:
            self._update(root, made)
        self._read_again(root, made)
        self._gone.append((folder, made.gone, bool(found)))
        if rule is not None:
            self.report.unmatched = self._rows.label(folder, rule)

    def finish(self) -> None:
        """Mark what is gone, now that every folder had its chance to show where it went."""
        for folder, gone, found_any in self._gone:
            self._mark_missing(folder, gone, found_any)

    def _update(self, root: Root, made: IngestPlan) -> None:
        """Identify files, and analyse those whose audio is new, while others are being identified."""
        with self._workers(min(self.jobs, len(made.changed) + len(made.new))) as workers:
            for part in self._parts(made):
                new_audio = self._to_analyse(workers, root, part)
                # A cluster's workers do one kind of task at a time.
                files = new_audio if self.cluster is None else list(new_audio)
                for file, result in workers.run(files, analyse):
                    self._take(root, file, result)
            for file, result in self._of_sheets.run(workers):
                self._take(root, file, result)

    def _parts(self, made: IngestPlan) -> list[IngestPlan]:
        """Return what is done in one go: all on this machine, some at a time on a cluster."""
        if self.cluster is None:
            return [made]
        together = in_parts(made.new, params.IDENTIFY_TOGETHER)
        parts = [replace(made, changed=[], new=list(new)) for new in together]
        first, *rest = parts or [replace(made, new=[])]
        return [replace(first, changed=made.changed), *rest]

    def _to_analyse(
        self, workers: "AnyWorkers", root: Root, made: IngestPlan
    ) -> Iterator[tuple[FoundFile, str]]:
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
        """Hash the files and read their tags, of one that has several names or parts once."""
        groups = {group[0]: group for group in grouped_by_inode(files)}
        again: list[FoundFile] = []
        for file, result in workers.run(((file, file.file) for file in list(groups)), identify):
            names = groups.pop(file)
            if isinstance(result, Identity):
                self.report.stage_s["identify"] += result.seconds
                yield from ((name, result.of(name.part)) for name in names)
            elif isinstance(result, Failure):
                self._fail(root, {name: None for name in names if name.file == file.file}, result)
                again += [name for name in names if name.file != file.file]
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
            if leader is not file:
                continue
            if file.part is None:
                yield file, file.path
            else:
                self._of_sheets.add(file.part, file)

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
        for some in in_parts(list(waiting.items()), params.SETTLED_TOGETHER):
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

    def _mark_missing(self, folder: str, gone: list[int], found_any: bool) -> None:
        if not gone:
            return
        if not found_any:
            self.report.notes.append(
                f"{folder} holds no audio file any more; its {len(gone)} tracks are kept as they are "
                "in case it is a disk that is not mounted"
            )
            return
        self.report.missing += self._rows.mark_missing(gone)

    def _renewed(self, root: Root, files: list[FoundFile]) -> list[FoundFile]:
        """Give tracks the hashes of this version; return the files of those that were not analysed so."""
        others = [o for some in self._looked_at(files, identify) for o in self._rows.renew(root, some)]
        self.report.unchanged += len(files) - len(others)
        self._step(len(files) - len(others))
        return others

    def _looked_at(
        self, files: list[FoundFile], task: Task, together: int = params.IDENTIFY_TOGETHER
    ) -> Iterator[dict[FoundFile, object]]:
        """Yield what a task gives for files, some at a time."""
        if files:
            with self._workers(min(self.jobs, len(files))) as workers:
                results = workers.run(((file, file.file) for file in files), task)
                while some := dict(islice(results, together)):
                    yield some

    def _read_again(self, root: Root, made: IngestPlan) -> None:
        """Read tags, and measure audio, of which older versions told less."""
        for some in self._looked_at(made.outdated, tags_of):
            self._rows.retag(root, {f: f.tags_given(found) for f, found in some.items()})
            self._step(len(some))
        for some in self._looked_at(made.unmeasured, measure, together=1):
            self.report.measured += self._rows.measure(root, some)
            self._step(len(some))

    def _step(self, n_files: int = 1) -> None:
        self._done += n_files
        self._progress(self._done, self._total)
