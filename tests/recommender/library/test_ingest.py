"""Ingest: labels, files that cannot be analysed, odd names, and the order in which results arrive."""

import errno
import os
import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier.model import bundle
from classifier.model.inference import Trunk
from recommender.library import ingest as ingest_module
from recommender.library.workers import tasks
from recommender.retrieval.index import store as index_module
from recommender.retrieval.index.store import open_index
from recommender.song_paths import folded
from tests import databases, synth
from tests.recommender import support
from tests.recommender.here import Here
from tests.recommender.support import Library, Ran, counts, names, query, tracks, write_song

N = len(support.SONGS)


def labels(library: Library) -> dict[str, tuple[str, str, str] | None]:
    """Return (label, source, group) of every track by its relative path; None where it has none."""
    found = {}
    for path, row in tracks(library.home).items():
        label = (row["label"], row["label_source"], row["label_group"])
        found[os.path.relpath(path, library.music)] = label if any(label) else None
    return found


def expected_labels(
    source: str, label: Callable[[str], str | None], groups: dict[str, str] | None = None
) -> dict[str, Any]:
    named = {name: label(name) for name in support.SONGS}
    return {name: (text, source, (groups or {}).get(name)) if text else None for name, text in named.items()}


# Songs of a folder below the label's are a group: an album, say.
BELOW_THE_LABEL = dict.fromkeys(("folk/deep/eta.flac", "folk/deep/theta.mp3"), "folk/deep")


def first_folders(depth: int) -> Callable[[str], str]:
    return lambda name: "/".join(name.split("/")[:-1][:depth])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--labels", "folders"], expected_labels("folders", first_folders(1), BELOW_THE_LABEL)),
        (["--labels", "folders", "--label-depth", "2"], expected_labels("folders", first_folders(2))),
        (["--labels", "names"], expected_labels("names", lambda name: Path(name).stem)),
        (["--labels", "tags"], expected_labels("tags", lambda name: support.SONGS[name][3])),
        (["--labels", "none"], expected_labels("", lambda name: None)),
        ([], expected_labels("", lambda name: None)),
    ],
    ids=["folders", "folders of depth 2", "names", "tags", "none", "default"],
)
def test_labels_with_their_source(library: Library, options: list[str], expected: dict[str, Any]) -> None:
    report = library.ingest(library.music, *options)
    assert counts(report) == {"found": N, "unchanged": N}
    assert labels(library) == expected
    assert library.run("status", "--json").json["labelled"] == sum(
        label is not None for label in expected.values()
    )


def test_labels_of_a_csv_with_artists(library: Library) -> None:
    table = library.music / "jazz/labels.csv"
    table.write_text(
        "\ufeffPath,Genre,artist,comment\n"
        "delta.wav,Cool Jazz,Ann,x\n../kappa.flac,Noise,,\nnone.mp3,Rock,,\n",
        encoding="utf-8",
    )
    report = library.ingest(library.music, "--labels", table, code=3)
    assert [(row["line"], row["path"]) for row in report["unmatched"]] == [(4, "none.mp3")]
    expected = dict.fromkeys(support.SONGS) | {
        "jazz/delta.wav": ("Cool Jazz", "csv", "Ann"),
        "kappa.flac": ("Noise", "csv", None),
    }
    assert labels(library) == expected
    library.ingest(library.music / "jazz", "--labels", "names")
    assert labels(library) == expected | {
        f"jazz/{name}": (Path(name).stem, "names", None) for name in ("delta.wav", "epsilon.opus", "zeta.m4a")
    }
    library.ingest()
    assert labels(library)["kappa.flac"] == ("Noise", "csv", None)


def test_label_stays_with_a_file_that_moves(library: Library) -> None:
    library.ingest(library.music, "--labels", "folders")
    os.rename(library.music / "rock/alpha.mp3", library.music / "jazz/alpha.mp3")
    library.ingest()
    assert labels(library)["jazz/alpha.mp3"] == ("rock", "folders", None)
    library.ingest(library.music, "--labels", "folders")
    assert labels(library)["jazz/alpha.mp3"] == ("jazz", "folders", None)


@pytest.mark.parametrize(
    ("rule", "message"),
    [("genres", "is neither none, folders, names, tags nor a CSV"), ("CSV", "needs the columns")],
)
def test_labels_that_cannot_be_used_write_nothing(library: Library, rule: str, message: str) -> None:
    (library.music / "new.csv").write_text("file,label\n")
    write_song(library.music / "new.flac", 80)
    ran = library.run(
        "ingest", library.music, "--labels", library.music / "new.csv" if rule == "CSV" else rule
    )
    assert (ran.code, ran.out) == (1, "")
    assert message in ran.err
    assert ran.err.count("\n") == 1
    assert len(tracks(library.home)) == N


# Files that cannot be analysed

GOOD = ("good.flac", "LOUD.MP3", "new\nline \N{GUITAR}.mp3", "half.mp3")
BAD = {
    "text.mp3": ("not_audio", "not audio, or too damaged to be decoded"),
    "empty.flac": ("empty", "the file is empty"),
    "short.wav": ("too_short", "too short: 1.0 s, at least 3 s are needed"),
    "silent.ogg": ("silent", "silent throughout"),
    "locked.mp3": ("unreadable", "cannot be read: permission denied"),
}


@pytest.fixture(scope="module")
def bad_folder(tmp_path_factory: pytest.TempPathFactory) -> Library:
    folder = tmp_path_factory.mktemp("bad")
    music = folder / "music"
    write_song(music / "good.flac", 1)
    write_song(music / "loud.mp3", 2).rename(music / "LOUD.MP3")
    write_song(music / "plain.mp3", 3).rename(music / GOOD[2])
    whole = write_song(music / "half.mp3", 4, 20.0)
    assert b"Xing" in whole.read_bytes()[:400]
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (music / "text.mp3").write_text("This is a shopping list, not music.\n" * 300)
    (music / "empty.flac").touch()
    write_song(music / "short.wav", 5, 1.0)
    synth.write(music / "silent.ogg", np.zeros(6 * synth.RATE_HZ, np.float32))
    write_song(music / "locked.mp3", 6).chmod(0)
    return Library(music, folder / "home")


def run(library: Library, *arguments: str | Path) -> Ran:
    return library.run(*arguments, prefix=support.WITHOUT_PRIVILEGE)


def test_bad_files_are_named_with_their_reasons_and_the_good_ones_are_in(bad_folder: Library) -> None:
    """Runs in order: each step goes on from the last."""
    ran = run(bad_folder, "ingest", bad_folder.music)
    assert ran.code == 3
    lines = ran.err.splitlines()
    failed = [line for line in lines if line.startswith("Failed: ")]
    assert sorted(failed) == sorted(f"Failed: {bad_folder.music / name}: {BAD[name][1]}" for name in BAD)
    (warning,) = [line for line in lines if line.startswith("Warning: ")]
    assert warning.startswith(f"Warning: {bad_folder.music}/half.mp3: cut short: decodes to ")
    assert warning.endswith("s of the 20.0 s declared")
    for name in GOOD:
        assert sum(escaped(name) in line for line in lines) == (name == "half.mp3")

    rows = names(bad_folder.home)
    assert set(rows) == {*GOOD, *BAD}
    for name, reason in BAD.items():
        assert (rows[name]["error_kind"], rows[name]["error_message"]) == reason
    for name in GOOD:
        assert rows[name]["error_kind"] is None
        assert rows[name]["analysed_hash"] == rows[name]["content_hash"] is not None
    assert rows["half.mp3"]["warning"] in warning
    assert rows["half.mp3"]["duration_s"] == pytest.approx(10, abs=0.5)
    stored = support.analyses(bad_folder.home)
    assert {os.path.basename(path) for path, segments in stored.items() if segments} == set(GOOD)


def escaped(name: str) -> str:
    """Return a name as a terminal is shown it."""
    return name.replace("\n", "\\n")


def test_failures_lists_every_bad_file_once(bad_folder: Library) -> None:
    expected = [
        {"path": str(bad_folder.music / name), "kind": kind, "message": message}
        for name, (kind, message) in sorted(BAD.items())
    ]
    ran = run(bad_folder, "failures", "--json")
    assert (ran.code, ran.json) == (0, expected)
    lines = run(bad_folder, "failures").out.splitlines()
    assert lines == [f"{item['path']}: {item['message']}" for item in expected]
    status = run(bad_folder, "status", "--json").json
    assert (status["failed"], status["warned"], status["analysed"]) == (len(BAD), 1, len(GOOD))
    assert [w["path"] for w in status["warnings"]] == [str(bad_folder.music / "half.mp3")]


def test_bad_files_are_not_tried_again_until_they_change(bad_folder: Library) -> None:
    before = {path: tuple(row) for path, row in tracks(bad_folder.home).items()}
    ran = run(bad_folder, "ingest", bad_folder.music, "--json")
    assert ran.code == 0
    assert counts(ran.json) == {"found": 9, "unchanged": len(GOOD), "known_failures": len(BAD)}
    assert {path: tuple(row) for path, row in tracks(bad_folder.home).items()} == before


def test_repaired_files_are_tried_again(bad_folder: Library) -> None:
    ids = {name: row["id"] for name, row in names(bad_folder.home).items()}
    (bad_folder.music / "locked.mp3").chmod(0o644)  # which changes neither its size nor its time
    write_song(bad_folder.music / "other.mp3", 7).replace(bad_folder.music / "text.mp3")
    ran = run(bad_folder, "ingest", bad_folder.music, "--json")
    assert ran.code == 0
    assert counts(ran.json) == {"found": 9, "analysed": 2, "unchanged": len(GOOD), "known_failures": 3}
    kinds = {row["error_kind"] for row in tracks(bad_folder.home).values()}
    assert kinds == {None, "empty", "too_short", "silent"}
    for seed, name in enumerate(("empty.flac", "short.wav", "silent.ogg"), start=10):
        write_song(bad_folder.music / name, seed)
    os.utime(bad_folder.music / "half.mp3")
    assert counts(run(bad_folder, "ingest", bad_folder.music, "--json").json) == {
        "found": 9,
        "analysed": 3,
        "retagged": 1,
        "unchanged": 5,
    }
    ran = run(bad_folder, "failures")
    assert (ran.code, ran.out) == (0, "No file failed.\n")
    rows = names(bad_folder.home)
    assert {name: row["id"] for name, row in rows.items()} == ids
    assert [row["error_kind"] for row in rows.values()] == [None] * 9
    assert "cut short" in rows["half.mp3"]["warning"]
    assert len(bad_folder.indexed()) == 9


def test_a_file_that_turns_bad_leaves_the_results(library: Library) -> None:
    before = library.row("rock/beta.flac")
    synth.write(library.music / "rock/beta.flac", np.zeros(5 * synth.RATE_HZ, np.float32))
    report = library.ingest(code=3)
    assert counts(report) == {"found": N, "failed": 1, "unchanged": N - 1}
    row = library.row("rock/beta.flac")
    assert (row["id"], row["error_kind"], row["plays"]) == (before["id"], "silent", 0)
    assert before["id"] not in library.indexed()
    assert len(library.indexed()) == N - 1


def test_broken_link_is_a_failure_until_its_target_is_there(library: Library, tmp_path: Path) -> None:
    (library.music / "link.flac").symlink_to(tmp_path / "disk/song.flac")
    report = library.ingest(code=3)
    (failed,) = report["failed"]
    assert failed["message"] == "cannot be read: no such file or directory"
    assert counts(library.ingest()) == {"found": N + 1, "unchanged": N, "known_failures": 1}
    write_song(tmp_path / "disk/song.flac", 90)
    assert counts(library.ingest()) == {"found": N + 1, "analysed": 1, "unchanged": N}
    assert library.row("link.flac")["error_kind"] is None


def test_file_with_damaged_tags_does_not_stop_the_others(library: Library) -> None:
    path = write_song(library.music / "a damaged.wma", 91, title="Title", genre="Rock")
    raw = bytearray(path.read_bytes())
    name = "WM/Genre\0".encode("utf-16-le")
    raw[raw.index(name) + len(name)] = 0x9D  # the value's type, of which there are seven
    path.write_bytes(raw)
    write_song(library.music / "z good.flac", 92)
    assert counts(library.ingest()) == {"found": N + 2, "analysed": 2, "unchanged": N}
    assert library.row("a damaged.wma")["title"] == "a damaged"


def test_name_that_is_not_utf8_goes_all_the_way(library: Library) -> None:
    raw = os.fsencode(library.music) + b"/caf\xe9 \xff.flac"
    os.rename(write_song(library.music / "plain.flac", 93, artist="Odd Name"), raw)
    assert counts(library.ingest()) == {"found": N + 1, "analysed": 1, "unchanged": N}
    path = os.fsdecode(raw)
    row = tracks(library.home)[path]
    assert row["rel_path"] == b"caf\xe9 \xff.flac"
    assert row["title"] == "caf\N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER}"
    listed = {item["path"]: item for item in library.run("tag", "--json").json}
    assert listed[path]["track_id"] == row["id"]
    answer = library.similar(raw, "-n", 3)
    assert (answer["query"]["track_id"], answer["query"]["path"]) == (row["id"], path)
    answer = library.similar(library.row("rock/alpha.mp3")["id"], "-n", N)
    assert path in [result["path"] for result in answer["results"]]
    assert library.run("similar", "odd name").code == 0
    assert counts(library.ingest()) == {"found": N + 1, "unchanged": N + 1}


# The order in which results arrive must not matter


class Ordered(Here):
    """Runs tasks in this process, in an order of its own."""

    reverse = False

    def run(
        self, paths: Iterable[tuple[Any, str]], task: Callable[[str], object]
    ) -> Iterator[tuple[Any, object]]:
        """Yield what the task says of each path, by path or from the last to the first."""
        for key, path in sorted(paths, key=lambda item: item[1], reverse=self.reverse):
            yield key, task(path)


@pytest.fixture(params=[False, True], ids=["by path", "backwards"])
def ordered(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, trunk: Trunk, tmp_path: Path
) -> Library:
    """Four numbered songs with plays, analysed one after another in a certain order."""
    monkeypatch.setattr(Ordered, "reverse", request.param)
    monkeypatch.setattr(ingest_module, "Workers", Ordered)
    monkeypatch.setattr(tasks, "_trunk", trunk)
    library = Library(tmp_path / "music", tmp_path / "home")
    for number in range(1, 5):
        write_song(library.music / f"{number}.flac", number, 3.0, title=f"Song {number}")
    assert counts(library.ingest()) == {"found": 4, "analysed": 4}
    query(library.home, "UPDATE track SET plays = CAST(substr(title, 6) AS INTEGER) * 10")
    return library


def songs(library: Library) -> dict[str, tuple[str, int, int]]:
    """Return (title, plays, missing) by file name."""
    return {name: (r["title"], r["plays"], r["missing"]) for name, r in names(library.home).items()}


def rename(library: Library, **renames: str) -> None:
    """Rename files of numbered songs, all at once."""
    for old in renames:
        os.rename(library.music / f"{old[1:]}.flac", library.music / f"{old[1:]}.tmp")
    for old, new in renames.items():
        os.rename(library.music / f"{old[1:]}.tmp", library.music / f"{new}.flac")


def song(number: int, missing: int = 0) -> tuple[str, int, int]:
    return (f"Song {number}", number * 10, missing)


def test_chain_of_renames_to_higher_numbers_keeps_every_song(ordered: Library) -> None:
    """As when a song is inserted before others and the files are numbered anew."""
    rename(ordered, _1="2", _2="3", _3="4", _4="5")
    report = ordered.ingest()
    assert songs(ordered) == {f"{n + 1}.flac": song(n) for n in range(1, 5)}
    assert counts(report) == {"found": 4, "moved": 4}


def test_chain_of_renames_to_lower_numbers_keeps_every_song(ordered: Library) -> None:
    """As when the first song is deleted and the files are numbered anew."""
    os.remove(ordered.music / "1.flac")
    rename(ordered, _2="1", _3="2", _4="3")
    report = ordered.ingest()
    present = {name: fact for name, fact in songs(ordered).items() if not fact[2]}
    assert present == {f"{n - 1}.flac": song(n) for n in range(2, 5)}
    assert report["analysed"] == 0
    assert song(1, missing=1) in songs(ordered).values()


def test_two_files_that_swap_their_names_keep_their_rows(ordered: Library) -> None:
    rename(ordered, _1="2", _2="1")
    report = ordered.ingest()
    assert report["analysed"] == 0
    assert songs(ordered) == {"1.flac": song(2), "2.flac": song(1), "3.flac": song(3), "4.flac": song(4)}


def test_moved_over_another_whose_copy_exists(ordered: Library) -> None:
    shutil.copy(ordered.music / "2.flac", ordered.music / "2 copy.flac")
    os.replace(ordered.music / "1.flac", ordered.music / "2.flac")
    report = ordered.ingest()
    assert report["analysed"] == 0
    found = songs(ordered)
    assert found["2.flac"] == song(1)
    assert found["2 copy.flac"][::2] == ("Song 2", 0)
    assert sum(not missing for _, _, missing in found.values()) == 4
    assert {row["content_hash"] == row["analysed_hash"] for row in names(ordered.home).values()} == {True}


@pytest.mark.parametrize("seed", range(3))
def test_stored_sound_always_belongs_to_the_file_at_its_path(ordered: Library, seed: int) -> None:
    """Random renames, copies, deletions: every present row has the audio, title and sound of its file."""
    choice = random.Random(seed)
    truth = {path.name: path.stem for path in ordered.music.iterdir()}
    sounds = {f: support.analyses(ordered.home)[str(ordered.music / f)] for f in truth}
    for _ in range(4):
        for _ in range(3):
            name = choice.choice(sorted(truth))
            new = f"{choice.randrange(1, 9)}.flac"
            action = choice.choice(["rename", "copy", "delete"])
            if action == "delete" and len(truth) > 2:
                os.remove(ordered.music / name)
                del truth[name]
            elif name != new and action == "rename":
                os.replace(ordered.music / name, ordered.music / new)
                truth[new] = truth.pop(name)
            elif name != new and action == "copy":
                shutil.copy2(ordered.music / name, ordered.music / new)
                truth[new] = truth[name]
        ordered.ingest()
        found = names(ordered.home)
        assert {name for name, row in found.items() if not row["missing"]} == set(truth)
        stored = support.analyses(ordered.home)
        for name, number in truth.items():
            assert found[name]["title"] == f"Song {number}"
            assert stored[str(ordered.music / name)] == sounds[f"{number}.flac"]
        assert ordered.indexed() == {found[name]["id"] for name in truth}


def test_copies_of_a_file_that_fails_fail_with_it(library: Library) -> None:
    """New files that are the same recording wait for the analysis of one of them."""
    silent = synth.write(library.music / "silent 1.flac", np.zeros(6 * synth.RATE_HZ, np.float32))
    for number in (2, 3):
        shutil.copy(silent, library.music / f"silent {number}.flac")
    report = library.ingest(code=3)
    failed = {Path(f["path"]).name: f["kind"] for f in report["failed"]}
    assert {name: kind for name, kind in failed.items() if kind == "silent"} == {
        f"silent {number}.flac": "silent" for number in (1, 2, 3)
    }
    assert report["stage_s"]["identify"] > 0


@pytest.mark.parametrize(
    "error", [OSError(errno.EIO, "Input/output error"), PermissionError(errno.EACCES, "Permission denied")]
)
def test_a_folder_that_cannot_be_listed_is_told_and_nothing_in_it_is_missing(
    library: Library, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    listed = os.scandir
    bad = library.music / "rock"

    def failing(path: str) -> Any:
        if str(path) == str(bad):
            raise error
        return listed(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", failing)
        report = library.ingest(code=3)
    assert [(row["path"], row["message"]) for row in report["failed"]] == [
        (str(bad), f"the folder cannot be listed: {str(error.strerror).lower()}")
    ]
    assert not any(row["missing"] for row in tracks(library.home).values())
    assert counts(library.ingest()) == {"found": N, "unchanged": N}


def test_an_index_that_cannot_be_written_is_told(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are there, and so is the index for whoever asks next."""

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = support.index_files(library.home)
    with monkeypatch.context() as patched:
        patched.setattr(index_module, "publish", full)
        report = library.ingest(library.music, "--reindex")
    assert report["notes"] == [
        "the index could not be written, and is made when it is needed: No space left on device; "
        "make room there and run it again"
    ]
    assert report["index_segments"] == len(query(library.home, "SELECT segment_id FROM feature"))
    assert support.index_files(library.home) == before
    assert library.ingest(library.music, "--reindex")["notes"] == []


@pytest.mark.parametrize("call", ["replace", "fsync", "mkdir", "posix_fallocate"])
def test_whichever_call_fails_while_the_index_is_written_the_old_one_stays(
    library: Library, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def refuse(*_arguments: object, **_more: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    before = support.index_files(library.home)
    with monkeypatch.context() as patched:
        patched.setattr(os, call, refuse)
        catalog = databases.open_catalog(library.home / "catalog.sqlite")
        trunk_id = bundle.load(bundle.SHIPPED).trunk_id
        told: list[OSError] = []
        index, _ = open_index(catalog, library.home / "index", trunk_id, anew=True, unwritten=told.append)
        catalog.close()
    assert len(index) == len(query(library.home, "SELECT segment_id FROM feature"))
    assert [error.errno for error in told] == [errno.EIO]
    assert support.index_files(library.home) == before


def ignoring_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have paths found as on a file system that takes no notice of capitals and forms of Unicode."""
    lstat = os.lstat

    def entry(folder: str, name: str) -> str:
        names = os.listdir(folder) if os.path.isdir(folder) else []
        return next((other for other in names if folded(other) == folded(name)), name)

    def lenient(path: Any, **more: Any) -> os.stat_result:
        try:
            return lstat(path, **more)
        except FileNotFoundError:
            real = "/"
            for name in os.fspath(path).split("/")[1:]:
                real = os.path.join(real, entry(real, name))
            return lstat(real, **more)

    monkeypatch.setattr(os, "lstat", lenient)


@pytest.mark.parametrize(
    ("old", "new"),
    [("rock/alpha.mp3", "rock/ALPHA.mp3"), ("rock", "Rock"), ("kappa.flac", "Kappa.FLAC")],
)
def test_a_rename_in_capitals_alone_keeps_the_track(
    library: Library, monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    before = {folded(path): row["id"] for path, row in tracks(library.home).items()}
    (library.music / old).rename(library.music / new)
    ignoring_case(monkeypatch)
    report = library.ingest()
    assert counts(report) == {"found": len(before), "unchanged": len(before)}
    after = tracks(library.home)
    assert {folded(path): row["id"] for path, row in after.items()} == before
    assert not any(row["missing"] for row in after.values())
    assert sum(path.startswith(str(library.music / new)) for path in after) == (3 if old == "rock" else 1)


def test_names_that_differ_in_capitals_are_two_where_the_file_system_says_so(library: Library) -> None:
    n = len(tracks(library.home))
    os.link(library.music / "rock/alpha.mp3", library.music / "rock/ALPHA.mp3")
    assert counts(library.ingest()) == {"found": n + 1, "unchanged": n, "copied": 1}
