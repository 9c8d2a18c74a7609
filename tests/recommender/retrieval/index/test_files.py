"""The index's files: never trusted where they do not fit the catalogue, and never half replaced."""

import json
import os
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest

from db.models import Track
from db.session import Catalog
from recommender import params
from recommender.retrieval.index import files as index_files
from recommender.retrieval.index import store as index_module
from recommender.retrieval.index.files import FORMAT
from recommender.retrieval.index.store import open_index, state
from tests.db.rows import TRUNK, store_embeddings
from tests.recommender.retrieval.index.index_truth import (
    DIMENSIONS,
    SENTENCE,
    add_tracks,
    assert_right,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


FILES = ["vectors.npy", "starts.npy", "reference_centre.npy"]


def file_of(folder: Path, name: str) -> Path:
    (path,) = [*folder.glob(name), *folder.glob(f"segments-*/{name}")]
    return path


@pytest.mark.parametrize("suffix", [*FILES, "segments.json"])
@pytest.mark.parametrize("how", ["truncated", "emptied", "deleted", "garbage"])
def test_damaged_file_is_noticed_and_replaced(catalog: Catalog, folder: Path, suffix: str, how: str) -> None:
    open_index(catalog, folder, TRUNK)
    path = file_of(folder, suffix)
    raw = path.read_bytes()
    if how == "deleted":
        path.unlink()
    else:
        kept = {"truncated": raw[: len(raw) // 2], "emptied": b"", "garbage": b"\xff\x00{[" * 50}
        path.write_bytes(kept[how])
    expected = "absent" if (suffix, how) == ("segments.json", "deleted") else "damaged"
    assert state(catalog, folder, TRUNK) == expected

    index, sentence = open_index(catalog, folder, TRUNK)

    assert sentence == SENTENCE.format(expected, 18)
    assert_right(index, catalog)
    assert path.read_bytes() == raw


DAMAGED = ["[]", "null", '"segments"', "3", "{", "", '{"format": 5}', '{"format": 5, "unknown": 1}']
OLDER = ["{}", '{"trunk_id": "trunk-a", "file": "segments-0.faiss"}', '{"format": 3}', '{"format": 99}']


@pytest.mark.parametrize(
    ("text", "called"), [*((t, "damaged") for t in DAMAGED), *((t, "stale") for t in OLDER)]
)
def test_sidecar_of_another_shape_or_version_is_built_again(
    catalog: Catalog, folder: Path, text: str, called: str
) -> None:
    open_index(catalog, folder, TRUNK)
    (folder / "segments.json").write_text(text)
    assert state(catalog, folder, TRUNK) == called
    index, sentence = open_index(catalog, folder, TRUNK)
    assert sentence == SENTENCE.format(called, 18)
    assert_right(index, catalog)


def test_index_of_another_format_is_stale(catalog: Catalog, folder: Path) -> None:
    open_index(catalog, folder, TRUNK)
    path = folder / "segments.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": FORMAT - 1}))
    index, sentence = open_index(catalog, folder, TRUNK)
    assert sentence == SENTENCE.format("stale", 18)
    assert_right(index, catalog)
    assert state(catalog, folder, TRUNK) == "current"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("files", None),
        ("files", 7),
        ("files", {}),
        ("files", {"../../catalog.sqlite": [1, "0"]}),
        ("fingerprint", None),
        ("fingerprint", "0" * 32),
    ],
)
def test_sidecar_that_names_other_files_or_vectors_is_damaged(
    catalog: Catalog, folder: Path, name: str, value: object
) -> None:
    open_index(catalog, folder, TRUNK)
    path = folder / "segments.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))
    index, sentence = open_index(catalog, folder, TRUNK)
    assert sentence == SENTENCE.format("damaged", 18)
    assert_right(index, catalog)


def assert_believed_only_where_right(
    catalog: Catalog, folder: Path, path: Path, flip: int, step: int = 1
) -> int:
    """Flip bytes of a file in turn; return how many of these changes were noticed."""
    raw = path.read_bytes()
    noticed = 0
    for position in range(0, len(raw), step):
        changed = bytearray(raw)
        changed[position] ^= flip
        path.write_bytes(changed)
        if state(catalog, folder, TRUNK) != "current":
            noticed += 1
            continue
        index, _ = open_index(catalog, folder, TRUNK)
        try:
            assert_right(index, catalog)
        except (AssertionError, IndexError) as error:
            raise AssertionError(f"byte {position} of {len(raw)} in {path.suffix} ^ {flip:#x}") from error
    path.write_bytes(raw)
    assert state(catalog, folder, TRUNK) == "current"
    return noticed


@pytest.mark.parametrize("suffix", FILES)
@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_no_flipped_byte_ever_gives_a_wrong_index(
    catalog: Catalog, folder: Path, suffix: str, flip: int
) -> None:
    open_index(catalog, folder, TRUNK)
    path = file_of(folder, suffix)
    step = 1 + path.stat().st_size // 500
    assert assert_believed_only_where_right(catalog, folder, path, flip, step) > 100


def test_text_of_the_sidecar_changed_in_any_byte(catalog: Catalog, folder: Path) -> None:
    open_index(catalog, folder, TRUNK)
    assert assert_believed_only_where_right(catalog, folder, folder / "segments.json", 0x02) > 100


def two_generations(catalog: Catalog, tmp_path: Path) -> tuple[Path, Path]:
    """Return folders with the index before and after a change of the catalogue."""
    old, new = tmp_path / "old", tmp_path / "new"
    open_index(catalog, old, TRUNK)
    shutil.copytree(old, new)
    with catalog.transaction() as session:
        vectors = np.random.default_rng(9).standard_normal((2, DIMENSIONS)).astype(np.float32)
        store_embeddings(session, session.get(Track, 3), vectors)
    open_index(catalog, new, TRUNK)
    return old, new


@pytest.mark.parametrize("at", ["half of the arrays", "the folder", "the sidecar", "tidying up"])
def test_killed_while_saving_the_index_is_the_old_or_the_new_one(
    catalog: Catalog, tmp_path: Path, folder: Path, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends before what is named is written; what it left is tidied up by the next one."""
    _, new = two_generations(catalog, tmp_path)
    shutil.copytree(tmp_path / "old", folder)
    before = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    class KilledError(BaseException):
        pass

    def killed(*_args: object, **_named: object) -> None:
        raise KilledError

    monkeypatch.setattr(shutil, "rmtree", lambda *_args, **_named: None)  # nor does it tidy up behind itself
    if at == "half of the arrays":
        monkeypatch.setattr(index_files.Arrays, "save", killed)
    elif at == "the folder":
        monkeypatch.setattr(index_files.os, "replace", killed)
    else:
        monkeypatch.setattr(index_files, "replace_file" if at == "the sidecar" else "_tidy", killed)
    with pytest.raises(KilledError):
        open_index(catalog, folder, TRUNK)
    monkeypatch.undo()

    if at == "tidying up":
        assert state(catalog, folder, TRUNK) == "current"
    else:
        left = {p.name: p.read_bytes() for p in folder.glob("segments*") if p.is_file()}
        assert left["segments.json"] == before["segments.json"]
        assert state(catalog, folder, TRUNK) == "stale"
    index, _ = open_index(catalog, folder, TRUNK)
    assert_right(index, catalog)
    if at != "tidying up":
        assert names_in(folder) == names_in(new)


def names_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_what_another_process_is_making_is_left_alone(catalog: Catalog, folder: Path) -> None:
    open_index(catalog, folder, TRUNK)
    mine = folder / f".part-{os.getppid()}"
    gone = folder / ".part-4194399"  # no process has so large a number
    for part in (mine, gone):
        part.mkdir()
    open_index(catalog, folder, TRUNK, anew=True)
    assert (mine.exists(), gone.exists()) == (True, False)


def test_sidecar_of_one_generation_with_files_of_another(
    catalog: Catalog, tmp_path: Path, folder: Path
) -> None:
    old, new = two_generations(catalog, tmp_path)
    for sidecar, files in ((old, new), (new, old)):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(files, folder)
        shutil.copy(sidecar / "segments.json", folder)
        assert state(catalog, folder, TRUNK) == "damaged"
        index, _ = open_index(catalog, folder, TRUNK)
        assert_right(index, catalog)


def test_files_of_another_generation_under_the_right_names(
    catalog: Catalog, tmp_path: Path, folder: Path
) -> None:
    old, new = two_generations(catalog, tmp_path)
    for suffix in FILES[:2]:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(new, folder)
        shutil.copy(file_of(old, suffix), file_of(folder, suffix))
        assert state(catalog, folder, TRUNK) == "damaged"
        index, _ = open_index(catalog, folder, TRUNK)
        assert_right(index, catalog)


def test_saving_leaves_only_its_own_files(catalog: Catalog, folder: Path) -> None:
    open_index(catalog, folder, TRUNK)
    first = {path.name for path in folder.iterdir()}
    (folder / ".part-4194399").mkdir()
    (folder / "segments-of-format-2.faiss").write_bytes(b"an older version's")
    (folder / ".segments.json.part-4711").write_bytes(b"left by a process that was killed")
    with catalog.transaction() as session:
        store_embeddings(session, session.get(Track, 1), np.eye(3, DIMENSIONS, dtype=np.float32))
    open_index(catalog, folder, TRUNK)
    second = {path.name for path in folder.iterdir()}
    assert len(second) == 2
    assert second & first == {"segments.json"}


def test_index_that_cannot_be_written_still_answers(catalog: Catalog, tmp_path: Path) -> None:
    position = tmp_path / "a file where the folder should be"
    position.write_bytes(b"")
    index, sentence = open_index(catalog, position / "index", TRUNK)
    assert sentence == SENTENCE.format("absent", 18)
    assert_right(index, catalog)
    assert os.path.getsize(position) == 0


def test_a_large_index_is_hashed_only_before_it_is_built_upon(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening it costs the same however large it is; what is taken over is known to be right."""
    open_index(catalog, folder, TRUNK)
    monkeypatch.setattr(params, "CHECKED_BYTES", 100)
    path = file_of(folder, "vectors.npy")
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 0x40
    path.write_bytes(raw)
    assert open_index(catalog, folder, TRUNK)[1] is None
    add_tracks(catalog, 1)
    index, _ = open_index(catalog, folder, TRUNK)
    assert_right(index, catalog)
    path = file_of(folder, "vectors.npy")
    path.write_bytes(path.read_bytes()[:-1])
    assert state(catalog, folder, TRUNK) == "damaged"


def test_files_are_mapped_into_memory_and_outlive_their_index(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_files, "MAPPED_FROM_BYTES", 0)
    open_index(catalog, folder, TRUNK)
    index, _ = open_index(catalog, folder, TRUNK)
    assert isinstance(index.vectors.base, np.memmap)
    before = index.vectors.copy()
    add_tracks(catalog, 1)
    open_index(catalog, folder, TRUNK)
    assert np.array_equal(index.vectors, before)


def test_a_full_disk_is_an_error_and_not_a_crash(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(index_files.os, "posix_fallocate", full)
    index, sentence = open_index(catalog, folder, TRUNK)
    assert sentence == SENTENCE.format("absent", 18)
    assert_right(index, catalog)
    assert list(folder.iterdir()) == []


def test_a_generation_replaced_while_it_is_read_is_read_anew(
    catalog: Catalog, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_index(catalog, folder, TRUNK)
    add_tracks(catalog, 1)
    load, tries = index_module.load_arrays, []

    def replaced_first(position: Path, sidecar: index_files.Sidecar) -> object:
        tries.append(sidecar.fingerprint)
        if len(tries) == 1:
            open_index(catalog, folder, TRUNK)  # as another process does, which removes the old files
        return load(position, sidecar)

    monkeypatch.setattr(index_module, "load_arrays", replaced_first)
    assert state(catalog, folder, TRUNK) == "current"
    assert tries[0] != tries[-1]
    monkeypatch.undo()
    assert_right(open_index(catalog, folder, TRUNK)[0], catalog)


def test_unpublished_generation_goes_without_another_descriptor(folder: Path) -> None:
    held: list[int] = []
    with pytest.raises(OSError, match="no more"), index_files.generation(folder) as part:
        (part / "vectors.npy").write_bytes(b"half")
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, limits[0]), limits[1]))
        try:
            while True:
                held.append(os.dup(0))
        except OSError:
            raise OSError("no more") from None
    for descriptor in held:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert not list(folder.iterdir())
