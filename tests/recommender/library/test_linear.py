"""Thousands of copies, links, failures: each more costs what each before it did, counted, not timed."""

import os
import shutil
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier.model import bundle
from classifier.model.predictions import SegmentAnalysis, TrackAnalysis
from db.listening.plays import KnownSong, PlayCount
from db.session import Catalog, open_catalog
from db.tracks import present, search_key
from recommender.file_tags.read import FileTags
from recommender.library import ingest as ingest_module
from recommender.library.ingest import ingest
from recommender.library.ingest_plan import IngestReport
from recommender.library.workers import tasks
from recommender.library.workers.boundary import Failure
from recommender.library.workers.tasks import Identity
from recommender.plays.import_plays import Listens, _from_songs
from recommender.plays.values import Listen
from recommender.retrieval.diversity import Cap, choose
from recommender.retrieval.duplicates.groups import find_duplicates, grouped
from recommender.retrieval.index.store import open_index
from recommender.retrieval.query import from_track
from recommender.retrieval.request import ListRequest
from recommender.retrieval.same_recordings import Recording, same_recordings
from recommender.retrieval.similar import similar
from recommender.tagging.targets import links_of, tagged_file
from recommender.tagging.write import bring_up_to_date
from tests.recommender.here import Here
from tests.work import Work, assert_linear, calls_of, counted

FEW = 12


class Quick(Here):
    """Stands in for the worker processes: a file's first letter is its audio, and "x" is none."""

    def __init__(self, *_settings: object) -> None:
        self.identified = 0

    def run(
        self, paths: Iterable[tuple[Any, str]], task: Callable[[str], object]
    ) -> Iterator[tuple[Any, object]]:
        for key, path in paths:
            audio = Path(path).read_text(encoding="ascii")[0]
            if task is tasks.identify:
                yield key, Identity(audio * 32, FileTags(title=audio, artist="Ann"))
            else:
                yield key, Failure("not_audio", "not audio") if audio == "x" else heard(audio)


def heard(audio: str) -> TrackAnalysis:
    """An analysis of two segments that is the letter's own."""
    random = np.random.default_rng(ord(audio))
    segments = [
        SegmentAnalysis(
            30.0 * number,
            30.0 * (number + 1),
            -10.0,
            random.random(50, np.float32),
            random.standard_normal(200).astype(np.float32),
            random.standard_normal((4, 200)).astype(np.float16),
        )
        for number in range(2)
    ]
    return TrackAnalysis(60.0, segments, [])


class Shelf:
    """A folder of such files and a catalogue of it."""

    def __init__(self, place: Path) -> None:
        self.place, self.music = place, place / "music"
        self.music.mkdir(parents=True)
        self.catalog: Catalog = open_catalog(place / "catalog.sqlite")
        self.bundle = bundle.load(bundle.SHIPPED)

    def write(self, name: str, audio: str) -> Path:
        path = self.music / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(audio, encoding="ascii")
        return path

    def ingest(self) -> IngestReport:
        return ingest(self.catalog, self.bundle, [str(self.music)], jobs=1)

    def work(self) -> Work:
        return counted(self.catalog.engine, self.ingest)

    def rows(self) -> int:
        with self.catalog.transaction() as session:
            return len(present(session))


@pytest.fixture
def shelves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Shelf]]:
    monkeypatch.setattr(ingest_module, "Workers", Quick)
    made: list[Shelf] = []

    def new() -> Shelf:
        made.append(Shelf(tmp_path / str(len(made))))
        return made[-1]

    yield new
    for shelf in made:
        shelf.catalog.close()


def fill(shelf: Shelf, n: int, how: str) -> None:
    """Write so many files: copies of two recordings, links to one file, or files that fail."""
    for number in range(n):
        path = shelf.music / f"{number:04d}.mp3"
        if how == "links" and number:
            os.link(shelf.music / "0000.mp3", path)
        elif how == "symbolic links" and number:
            path.symlink_to(shelf.music / "0000.mp3")
        else:
            shelf.write(path.name, {"copies": "ab"[number % 2], "failures": "x"}.get(how, "a"))


KINDS = ["copies", "links", "symbolic links", "failures"]


@pytest.mark.parametrize("how", KINDS)
def test_first_ingest(shelves: Callable[[], Shelf], how: str) -> None:
    def measure(n: int) -> Work:
        shelf = shelves()
        fill(shelf, n, how)
        found = shelf.work()
        assert shelf.rows() == n
        return found

    assert_linear(measure, FEW)


@pytest.mark.parametrize("how", KINDS)
def test_copies_that_come_to_those_that_are_there(shelves: Callable[[], Shelf], how: str) -> None:
    """Each in an ingest of its own, as when a folder is watched, costs no more for what it does itself."""

    def measure(n: int) -> Work:
        shelf = shelves()
        fill(shelf, n, how)
        shelf.ingest()
        for number in range(n):
            shelf.write(f"more {number}.mp3", "x" if how == "failures" else "a")
        found = shelf.work()
        assert shelf.rows() == 2 * n
        return found

    assert_linear(measure, FEW)


@pytest.mark.parametrize("how", KINDS)
def test_a_renamed_folder(shelves: Callable[[], Shelf], how: str) -> None:
    def measure(n: int) -> Work:
        shelf = shelves()
        fill(shelf, n, how)
        shelf.ingest()
        (shelf.music / "new").mkdir()
        for path in sorted(shelf.music.glob("*.mp3")):
            path.rename(shelf.music / "new" / f"again {path.name}")
        if how == "symbolic links":  # a link that leads nowhere is a file that cannot be read
            for path in sorted(shelf.music.glob("new/*"))[1:]:
                path.unlink()
                path.symlink_to(shelf.music / "new" / "again 0000.mp3")
        found = shelf.work()
        assert shelf.rows() == n
        return found

    assert_linear(measure, FEW)


def test_all_of_them_gone_and_there_again(shelves: Callable[[], Shelf]) -> None:
    def measure(n: int, again: bool) -> Work:
        shelf = shelves()
        fill(shelf, n, "copies")
        other = shelf.write("other/last.mp3", "c")
        shelf.ingest()
        (shelf.place / "away").mkdir()
        for path in sorted(shelf.music.glob("*.mp3")):
            path.rename(shelf.place / "away" / path.name)
        found = shelf.work()
        assert shelf.rows() == 1
        if again:
            for path in sorted((shelf.place / "away").iterdir()):
                path.rename(shelf.music / path.name)
            found = shelf.work()
            assert shelf.rows() == n + 1
        assert other.exists()
        return found

    assert_linear(lambda n: measure(n, False), FEW)
    assert_linear(lambda n: measure(n, True), FEW)


def test_many_folders_named_one_by_one(shelves: Callable[[], Shelf]) -> None:
    def measure(n: int) -> Work:
        shelf = shelves()
        folders = []
        for number in range(n):
            folders.append(str(shelf.write(f"{number:03d}/one.mp3", chr(ord("a") + number % 26)).parent))
        ingest(shelf.catalog, shelf.bundle, folders, labels="folders", jobs=1)
        (shelf.music / "000" / "one.mp3").rename(shelf.music / "001" / "two.mp3")
        return counted(
            shelf.catalog.engine,
            lambda: ingest(shelf.catalog, shelf.bundle, folders, labels="folders", jobs=1),
        )

    assert_linear(measure, FEW)


def test_duplicates_of_copies(shelves: Callable[[], Shelf]) -> None:
    def measure(n: int) -> Work:
        shelf = shelves()
        fill(shelf, n, "copies")
        shelf.ingest()
        patch_s = shelf.bundle.front_end.patch_s

        def run() -> None:
            with shelf.catalog.transaction() as session:
                groups = grouped(find_duplicates(session, shelf.bundle.trunk_id, patch_s))
                assert [len(group.tracks) for group in groups] == [n // 2, n // 2]

        return counted(shelf.catalog.engine, run)

    assert_linear(measure, 2 * FEW)


def test_similar_among_copies(shelves: Callable[[], Shelf]) -> None:
    def measure(n: int) -> Work:
        shelf = shelves()
        fill(shelf, n, "copies")
        query = shelf.write("query.mp3", "c")
        shelf.ingest()
        index, _ = open_index(shelf.catalog, shelf.place / "index", shelf.bundle.trunk_id)

        def run() -> None:
            with shelf.catalog.transaction() as session:
                track = next(t for t in present(session) if t.path == str(query))
                asked = from_track(session, track, shelf.bundle)
                found = similar(session, index, shelf.bundle, [asked], ListRequest())
                assert len(found.matches) == 2

        return counted(shelf.catalog.engine, run)

    assert_linear(measure, 20, factor=4)  # as the pools grow that are chosen from


def test_tracks_of_copies_are_brought_up_to_date_once_they_are_written(
    shelves: Callable[[], Shelf],
) -> None:
    def measure(n: int) -> Work:
        shelf = shelves()
        fill(shelf, n, "copies")
        (shelf.music / "link.mp3").symlink_to(shelf.music / "0000.mp3")
        shelf.ingest()
        for path in shelf.music.glob("0*.mp3"):
            os.utime(path, ns=(1, 1))

        def run() -> None:
            with shelf.catalog.transaction() as session:
                links = links_of(session)
                for track in present(session):
                    if not track.path.endswith("link.mp3"):
                        file = tagged_file(track, links)
                        bring_up_to_date(session, file, track.size, track.mtime_ns)

        found = counted(shelf.catalog.engine, run)
        with shelf.catalog.transaction() as session:
            assert [track.mtime_ns for track in present(session)] == [1] * (n + 1)
        return found

    assert_linear(measure, FEW)


def test_plays_of_songs_that_are_named_alike() -> None:
    def calls(n: int) -> int:
        songs = [
            KnownSong(i, f"/{i}", f"{i}", "Ann", "Song", f"Album {i % (n // 2)}", "a" * 32, False)
            for i in range(n)
        ]
        said = [Listens(Listen(i, "Ann", "Song", f"Other {i}", None)) for i in range(n)]
        for tally in said:
            tally.count(tally.first)
        found: dict[int, PlayCount] = {}

        def run() -> None:
            found.update(_from_songs(said, songs)[0])

        search_key.cache_clear()
        n_calls = calls_of(run)
        assert found == {i: PlayCount(n, None) for i in range(n)}
        return n_calls

    few, more, most = calls(40), calls(80), calls(160)
    assert most - more <= 2.2 * (more - few)


def peak_bytes(run: Callable[[], object]) -> int:
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_recordings_of_copies_are_told_in_memory_that_grows_with_their_number() -> None:
    def measure(n: int) -> int:
        vector = np.full(20, 20**-0.5, np.float32)
        copies = [Recording(number, "ab"[number % 2] * 32, 60.0, vector) for number in range(n)]

        def run() -> None:
            numbers = same_recordings(copies, [], lambda keys: {})
            assert numbers.tolist() == [number % 2 for number in range(n)]

        return peak_bytes(run)

    assert measure(2400) <= 5 * measure(600)


def test_what_a_limit_shuts_out_is_passed_over_at_once() -> None:
    def calls(n: int) -> int:
        scores = np.linspace(1, 0, n, dtype=np.float32)
        cap = Cap(np.zeros(n, np.int64), 3)
        found: list[int] = []
        n_calls = calls_of(lambda: found.extend(choose(scores, 10, [cap])))
        assert found == [0, 1, 2]
        return n_calls

    calls(10)
    assert calls(1000) == calls(100)


def test_a_file_with_several_names_is_read_once(
    shelves: Callable[[], Shelf], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    class Watched(Quick):
        def run(self, paths: Iterable[tuple[Any, str]], task: Any) -> Iterator[tuple[Any, object]]:
            for key, path in paths:
                read.append(os.path.basename(path))
                yield from super().run([(key, path)], task)

    monkeypatch.setattr(ingest_module, "Workers", Watched)
    shelf = shelves()
    first = shelf.write("first.mp3", "a")
    os.link(first, shelf.music / "second.mp3")
    os.link(first, shelf.music / "third.flac")  # another format: it is looked at for itself
    (shelf.music / "linked.mp3").symlink_to(first)
    shutil.copy(first, shelf.music / "z copy.mp3")
    report = shelf.ingest()
    assert (report.analysed, report.copied) == (1, 4)
    assert sorted(set(read)) == ["first.mp3", "third.flac", "z copy.mp3"]
    with shelf.catalog.transaction() as session:
        assert {t.content_hash for t in present(session)} == {"a" * 32}
        assert {(t.title, t.artist) for t in present(session)} == {("a", "Ann")}
