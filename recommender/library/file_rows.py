"""What is found out of files to the catalogue's rows, a transaction a change.

Values that cannot be stored are their file's failure; what is wrong with the catalogue itself is raised.
"""

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from classifier.errors import UnreadableFileError
from classifier.measures.measure import MeasuredTrack
from classifier.model.bundle import Bundle
from classifier.model.predictions import TrackAnalysis
from db.file_range import file_of
from db.listening.plays import known_songs
from db.models import Root, Track
from db.session import Catalog
from db.tracks import present
from db.values import in_parts
from recommender.file_tags.read import FileTags
from recommender.file_tags.snapshots import set_by_persons
from recommender.labels.rules import Label, Rule, Seen, TableOfLabels, Unmatched
from recommender.library.ingest_plan import set_missing
from recommender.library.known_audio import KnownAudio
from recommender.library.measures import measure_track
from recommender.library.reconcile import Outcome, renew, retag, settle, store_analysis, store_failure
from recommender.library.scan import FoundFile
from recommender.library.workers.boundary import NOT_SHARED, Failure, noted, unexpected
from recommender.library.workers.tasks import Identity

T = TypeVar("T")

OF_VALUES: Final = (
    *(ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError),
    *(DataError, IntegrityError),
)
"""What is raised for values that neither we nor the database expected."""


class FileRows:
    """The rows of files in a catalogue.

    Parameters
    ----------
    catalog, bundle
        As `recommender.library.ingest.ingest` takes them.
    home
        Whose log file is told of failures that somebody might mend; None for none.
    """

    def __init__(self, catalog: Catalog, bundle: Bundle, home: Path | None) -> None:
        self._catalog, self._bundle, self._home = catalog, bundle, home
        self._audio = KnownAudio(bundle.trunk_id)

    def settle(
        self, root: Root, identified: Mapping[FoundFile, Identity]
    ) -> dict[FoundFile, Outcome | Failure]:
        """Store what needs no analysis; return what became of the files that this was enough for."""
        outcomes = self._stored(root, partial(self._settle, identified=identified))
        if not isinstance(outcomes, Failure):
            return dict(outcomes)
        self._audio = KnownAudio(self._bundle.trunk_id)  # of what was taken back
        if len(identified) == 1:
            return dict.fromkeys(identified, outcomes)
        apart: dict[FoundFile, Outcome | Failure] = {}
        for file, identity in identified.items():  # one of them it is
            apart |= self.settle(root, {file: identity})
        return apart

    def _settle(
        self, session: Session, root: Root, identified: Mapping[FoundFile, Identity]
    ) -> dict[FoundFile, Outcome]:
        return settle(session, root, identified, self._bundle.trunk_id, self._audio)

    def store(
        self, root: Root, file: FoundFile, identity: Identity, analysis: TrackAnalysis
    ) -> Failure | None:
        """Store a file's analysis; return why that cannot be done, or None."""

        def change(session: Session, own: Root) -> None:
            store_analysis(session, own, file, identity, analysis, self._bundle)

        failure = self._stored(root, change)
        self._audio.forget(identity.content_hash)
        return failure

    def fail(self, root: Root, files: Mapping[FoundFile, Identity | None], failure: Failure) -> Failure:
        """Record why files of the same audio could not be analysed, and return it as it is told."""
        told = noted(self._home, next(iter(files)).path, failure)

        def change(session: Session, own: Root, some: Mapping[FoundFile, Identity | None]) -> None:
            for file, identity in some.items():
                store_failure(session, own, file, identity, told)

        if told.kind != NOT_SHARED and self._stored(root, partial(change, some=files)) is not None:
            for file in files:  # what is known of them may be what cannot be stored
                self._stored(root, partial(change, some={file: None}))
        return told

    def retag(self, root: Root, results: Mapping[FoundFile, object]) -> None:
        """Store what the tags of unchanged files say; that reading them failed is only logged.

        Those of files that cannot be read now are read by the next ingest.
        """
        read = {
            file: found if isinstance(found, FileTags) else None
            for file, found in results.items()
            if not (isinstance(found, Failure) and found.kind == UnreadableFileError.kind)
        }

        def change(session: Session, own: Root, some: Mapping[FoundFile, FileTags | None]) -> None:
            retag(session, own, some)

        if self._stored(root, partial(change, some=read)) is not None:
            for file, tags in read.items():
                self._stored(root, partial(change, some={file: tags}))
        for file, found in results.items():
            if isinstance(found, Failure):
                noted(self._home, file.path, found)

    def measure(self, root: Root, results: Mapping[FoundFile, object]) -> int:
        """Store what was measured of analysed files; return of how many. That it failed is only logged.

        Files that cannot be read now are measured by the next ingest.
        """
        n_measured = 0
        for file, found in results.items():
            if isinstance(found, Failure):
                noted(self._home, file.path, found)
                if found.kind in (UnreadableFileError.kind, NOT_SHARED):
                    continue
            known = found if isinstance(found, MeasuredTrack) else None

            def change(session: Session, own: Root, path: str, known: MeasuredTrack | None) -> None:
                measure_track(session, own, path, known)

            self._stored(root, partial(change, path=file.path, known=known))
            n_measured += known is not None
        return n_measured

    def renew(self, root: Root, results: Mapping[FoundFile, object]) -> list[FoundFile]:
        """Store hashes of this version for unchanged files; return those that must be looked at as changed.

        Where a file cannot be identified now, that is only logged, and left to the next ingest.
        """
        known = {file: found for file, found in results.items() if isinstance(found, Identity)}
        for file, found in results.items():
            if isinstance(found, Failure):
                noted(self._home, file.path, found)

        def change(session: Session, own: Root) -> list[FoundFile]:
            return renew(session, own, known)

        others = self._stored(root, change)
        return list(known) if isinstance(others, Failure) else others

    def mark_missing(self, track_ids: list[int]) -> int:
        """Mark those of some tracks whose file is gone; return how many these are."""
        with self._catalog.transaction() as session:
            lost = _still_gone(session, track_ids)
            set_missing(session, lost, missing=True)
        return len(lost)

    def label(self, folder: str, rule: Rule) -> list[Unmatched]:
        """Label the tracks below a folder; return the lines of a table that no track fits."""
        with self._catalog.transaction() as session:
            tracks = list(present(session, folder))
            of_table: dict[int, Label] = {}
            unmatched: list[Unmatched] = []
            if isinstance(rule, TableOfLabels):
                of_table, unmatched = rule.match(known_songs(session))
            for track, genres in zip(tracks, set_by_persons(session, tracks), strict=True):
                label = of_table.get(track.id) or rule(Seen(track.path, genres))
                if label is not None:
                    track.label, track.label_source = label.name, label.source
                    track.label_group = label.group
            return unmatched

    def _stored(self, root: Root, change: Callable[[Session, Root], T]) -> T | Failure:
        """Return what a change gives, or why its values cannot be stored."""
        try:
            with self._catalog.transaction() as session:
                return change(session, session.merge(root, load=False))
        except OF_VALUES as error:
            return unexpected(error, "what is known of it cannot be stored")


def _still_gone(session: Session, track_ids: list[int]) -> list[int]:
    """Return those of some tracks whose file, as its path is now, is not there."""
    columns = (Track.id, Root.path, Track.rel_path, Track.range_start_s)
    query = select(*columns).join(Root, Root.id == Track.root_id)
    gone: list[int] = []
    for some in in_parts(track_ids):
        found = session.execute(query.where(Track.id.in_(some)).order_by(Track.id))
        for track_id, root, rel_path, start_s in found:
            path = os.path.join(root, rel_path)
            if not os.path.lexists(path if start_s is None else file_of(path)):
                gone.append(track_id)
    return gone
