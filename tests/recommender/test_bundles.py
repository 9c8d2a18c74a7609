"""Bundles of a home: taken in as checked copies, tried once, swept where half copied, a way back from any."""

import os
import random
import shutil
import stat
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from benchmarks.campaign import hostile_graphs
from benchmarks.campaign.forge import arrays, forge, load_arrays, stranger
from benchmarks.campaign.hostile_bundles import REFUSED, Hostile, hostile
from classifier import params
from classifier.errors import BundleError
from classifier.model import bundle
from recommender import bundles, trial_process
from recommender.bundles import BundleStore, sweep_leftovers, try_out
from recommender.errors import RecommenderError
from recommender.home import Home
from tests.recommender.support import deepcuts

GO_BACK = "deepcuts train --use shipped"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good bundle that is not the shipped one; only to be read."""
    return stranger(tmp_path_factory.mktemp("good") / "bundle")


@pytest.fixture
def given(good: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(good, tmp_path / "given"))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the folders whose network is tried; it is not really, so that tests are quick."""
    folders: list[str] = []
    monkeypatch.setattr(bundles, "try_out", lambda folder, _named: folders.append(folder.name))
    return folders


def names(home: Home) -> set[str]:
    return {path.name for path in home.bundles_dir.iterdir()}


# Taken in


def test_a_bundle_from_elsewhere_becomes_a_private_copy_of_the_known_files(home: Home, given: Path) -> None:
    (given / "run.py").write_text("import os")
    (given / "folder").mkdir()
    os.mkfifo(given / "pipe")
    taken = home.take_bundle(str(given))
    assert taken.path == home.bundles_dir / taken.bundle_id
    assert {path.name for path in taken.path.iterdir()} == {
        "bundle.json", "trunk.npz", "trunk.onnx", "frontend.npz", "head.npz", "calibration.npz"
    }  # fmt: skip
    assert stat.S_IMODE(taken.path.stat().st_mode) == 0o700
    for path in taken.path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_bytes() == (given / path.name).read_bytes()
    assert names(home) == {taken.bundle_id}


def test_it_is_tried_once(home: Home, given: Path, tried: list[str]) -> None:
    taken = home.take_bundle(str(given))
    home.activate(taken)
    assert home.bundle().bundle_id == home.find_bundle(taken.bundle_id).bundle_id == taken.bundle_id
    assert len(tried) == 1
    assert tried[0].startswith(".part-"), "what is tried is the copy"
    (home.cache_dir / "checked-bundles").unlink()
    home.bundle()
    home.bundle()
    assert tried[1:] == [taken.bundle_id]


def test_what_is_tried_is_what_is_used(
    home: Home, given: Path, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bundle that is replaced while it is looked at: the copy stays what it was."""
    monkeypatch.setattr(bundles, "try_out", lambda *_: (given / "trunk.onnx").write_bytes(b"another"))
    taken = home.take_bundle(str(given))
    assert taken.onnx_path.read_bytes() == (good / "trunk.onnx").read_bytes()


def test_a_bundle_put_there_by_hand_is_tried_too(home: Home, given: Path, tried: list[str]) -> None:
    name = bundle.load(given).bundle_id
    shutil.move(given, home.bundles_dir / name)
    (home.bundles_dir / "active").write_text(name)
    for _ in range(2):
        assert home.bundle().bundle_id == name
    assert tried == [name]


def test_a_bundle_that_was_tried_may_not_become_links_later(home: Home, given: Path, tmp_path: Path) -> None:
    taken = home.take_bundle(str(given))
    copy = shutil.copytree(taken.path, tmp_path / "copy")
    (taken.path / "head.npz").unlink()
    (taken.path / "head.npz").symlink_to(copy / "head.npz")
    with pytest.raises(BundleError, match=r"head\.npz is a link"):
        home.find_bundle(taken.bundle_id)


def test_a_description_that_was_changed_is_tried_again(home: Home, given: Path, tried: list[str]) -> None:
    taken = home.take_bundle(str(given))
    forge(taken.path, lambda d: d["training"].update(songs=7))
    home.find_bundle(taken.bundle_id)
    assert tried[1:] == [taken.bundle_id]


def test_a_home_that_may_only_be_read_is_read(home: Home, given: Path, tried: list[str]) -> None:
    """That a bundle was tried cannot be noted there: it is tried again."""
    store = BundleStore(home.bundles_dir, home.path / "nothing" / "is here")
    name = bundle.load(given).bundle_id
    shutil.move(given, home.bundles_dir / name)
    (home.path / "nothing").write_text("a file")
    assert store.find(name).bundle_id == store.find(name).bundle_id == name
    assert tried == [name, name]


def test_a_copy_of_the_shipped_one_is_the_shipped_one(home: Home, tmp_path: Path) -> None:
    shutil.copytree(bundle.SHIPPED, tmp_path / "mine")
    assert home.take_bundle(str(tmp_path / "mine")).path == bundle.SHIPPED
    assert names(home) == set()


@pytest.mark.parametrize("there", ["damaged", "a file", "a link"])
def test_what_is_in_its_place_and_no_bundle_is_replaced(
    home: Home, given: Path, there: str, tried: list[str], tmp_path: Path
) -> None:
    target = home.bundles_dir / bundle.load(given).bundle_id
    home.bundles_dir.mkdir(parents=True)
    if there == "damaged":
        shutil.copytree(given, target)
        (target / "head.npz").write_bytes(b"damaged")
    elif there == "a file":
        target.write_text("no bundle")
    else:
        target.symlink_to(tmp_path / "elsewhere")
    assert home.take_bundle(str(given)).path == target
    assert bundle.load(target).bundle_id == target.name
    assert not target.is_symlink()
    assert names(home) == {target.name}


def test_a_full_disk_leaves_nothing(home: Home, given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("classifier.model.write.os.fsync", full)
    with pytest.raises(RecommenderError, match=r"cannot be copied into .*/home/bundles: No space left"):
        home.take_bundle(str(given))
    assert names(home) == set()


def test_it_is_lent_without_being_kept(home: Home, given: Path) -> None:
    with home.lent_bundle(str(given)) as lent:
        assert lent.path != given
        assert lent.bundle_id == bundle.load(given).bundle_id
    assert not lent.path.exists()
    assert not home.path.exists()


# Refused

QUICK = (
    "link",
    "pipe",
    "endless",
    "folder",
    "a file called",
    "bundle_id",
    "2 GB",
    "is not listed",
    "hash that",
)


def quick() -> list[Hostile]:
    every = hostile(Path("/nowhere"), random.Random(0))
    found = [one for one in every if one.wanted == REFUSED and any(word in one.name for word in QUICK)]
    return [one for one in found if not one.name.startswith(("trunk", "frontend", "calib"))]


def test_what_is_no_file_of_a_bundle_is_refused(
    home: Home, good: Path, tmp_path: Path, tried: list[str]
) -> None:
    """Before its network is tried: these are of its files' kinds, sizes and names."""
    for number, one in enumerate(quick()):
        folder = Path(shutil.copytree(good, tmp_path / str(number) / "bundle"))
        one.make(folder)
        with pytest.raises(BundleError) as raised:
            bundles.BundleStore(home.bundles_dir, home.path / "checked").take_in(folder)
        assert str(raised.value).startswith(f"bundle {folder}: "), one.name
        assert len(str(raised.value)) < 600, one.name
        assert names(home) == set(), one.name
        shutil.rmtree(tmp_path / str(number))
    assert number > 20


def graph(name: str) -> bytes:
    return dict(hostile_graphs.graphs(Path("/nowhere/canary")))[name]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ConstantOfShape of 10^10", "its network takes more than 2 GiB of memory"),
        ("NaN", "its network gives penultimate that are not finite numbers"),
        ("weights in canary.bin", "its network keeps weights in another file, which is never read"),
        ("an operator that there is not", "its network cannot be loaded and run by ONNX Runtime"),
    ],
)
def test_a_network_is_tried_in_a_process_of_its_own(given: Path, name: str, reason: str) -> None:
    forge(given, **{"trunk.onnx": graph(name)})
    bundle.load(given)  # nothing else is wrong with it
    with pytest.raises(BundleError, match=f"^bundle any: {reason}$"):
        try_out(given, Path("any"))


def test_a_network_that_takes_too_long(given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forge(given, **{"trunk.onnx": graph("200 products of 4,000 × 4,000")})
    monkeypatch.setattr(params, "TRIAL_S", 0.5)
    with pytest.raises(BundleError, match=r"^bundle any: its network takes more than 30 s for a few patches"):
        try_out(given, Path("any"))


def test_a_process_that_ends_is_a_network_that_crashes(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_process, "_trial", _crash)
    with pytest.raises(BundleError, match=r"^bundle any: its network crashes what runs it$"):
        try_out(good, Path("any"))


def _crash(connection: Connection, *_: object) -> None:
    connection.send_bytes(b"{}")
    os.abort()


def test_a_process_that_never_is_ready_is_not_the_bundles_fault(
    good: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(trial_process, "_trial", _never_ready)
    with pytest.raises(RecommenderError, match="cannot be started"):
        try_out(good, Path("any"))
    assert capfd.readouterr().err == ""


def _never_ready(*_: object) -> None:
    raise RuntimeError("of which nothing is to be read on stderr")


# Swept


def test_halves_are_swept(home: Home, given: Path) -> None:
    name = bundle.load(given).bundle_id
    home.bundles_dir.mkdir(parents=True)
    shutil.copytree(given, home.bundles_dir / ".part-1234")
    (home.bundles_dir / ".part-1234" / "head.npz").unlink()
    (home.bundles_dir / ".old-empty").mkdir()
    shutil.copytree(given, home.bundles_dir / ".old-5678")
    said = sweep_leftovers(home.bundles_dir)
    assert names(home) == {name}, "the one that was being replaced is back"
    assert bundle.load(home.bundles_dir / name).bundle_id == name
    assert len(said) == 3
    shutil.copytree(given, home.bundles_dir / ".old-9")
    with home.writer_lock():
        assert names(home) == {name}
    assert sweep_leftovers(home.bundles_dir) == []
    assert sweep_leftovers(home.path / "nowhere") == []


# The active one

COMMANDS = (["status"], ["classify", "any.wav"], ["similar", "any"], ["ingest", "."])


@pytest.mark.parametrize(
    "what", ["binary", "a path", "empty", "gone", "damaged", "a link", "a pipe", "a folder"]
)
def test_an_active_bundle_that_is_none_is_one_line_with_the_way_back(
    home: Home, given: Path, what: str, tried: list[str]
) -> None:
    assert deepcuts(home.path, "ingest", given).code == 0
    home.bundles_dir.mkdir(parents=True, exist_ok=True)
    active = home.bundles_dir / "active"
    contents = {
        "binary": bytes(range(256)),
        "a path": b"../../x",
        "empty": b"",
        "gone": b"bundle-" + b"0" * 16,
    }
    if what in contents:
        active.write_bytes(contents[what])
    elif what in ("damaged", "a link"):
        name = bundle.load(given).bundle_id
        shutil.copytree(given, home.bundles_dir / name)
        active.write_text(name)
        (home.bundles_dir / name / "head.npz").unlink()
        if what == "a link":
            (home.bundles_dir / name / "head.npz").symlink_to(given / "head.npz")
    else:
        os.mkfifo(active) if what == "a pipe" else active.mkdir()
    for command in COMMANDS:
        ran = deepcuts(home.path, *command)
        assert (ran.code, ran.out) == (1, ""), command
        assert ran.err.startswith("deepcuts: ") and ran.err.count("\n") == 1, ran.err
        assert ran.err.endswith(f"{GO_BACK}\n"), ran.err
    assert deepcuts(home.path, "train", "--use", "shipped").code == 0
    assert deepcuts(home.path, "status").code == 0


def test_a_refused_bundle_leaves_the_active_one(home: Home, given: Path, tmp_path: Path) -> None:
    home.activate(home.take_bundle(str(given)))
    name = home.bundle().bundle_id
    bad = stranger(tmp_path / "bad")
    bias = load_arrays(bad / "head.npz")["bias"] + np.float32(1)
    loop = graph("a Loop without an end")
    forge(bad, **{"head.npz": arrays(bad, "head.npz", bias=bias), "trunk.onnx": loop})
    ran = deepcuts(home.path, "train", "--use", bad)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == f"deepcuts: bundle {bad}: its network loops or branches (Loop)\n"
    assert (home.bundles_dir / "active").read_text() == name
    assert home.bundle().bundle_id == name
    assert names(home) == {"active", name}


def test_a_bundle_called_by_anothers_id(home: Home, given: Path, tried: list[str]) -> None:
    name = "bundle-" + "a" * 16
    shutil.move(given, home.bundles_dir / name)
    with pytest.raises(BundleError, match="it is another, bundle-"):
        home.find_bundle(name)


@pytest.mark.parametrize("name", ["../x", "bundle-../..", "a\0b", "x" * 5000, "", "active", "bundle-short"])
def test_names_of_no_bundle(home: Home, name: str) -> None:
    home.bundles_dir.mkdir(parents=True)
    with pytest.raises(BundleError, match="no bundle"):
        home.find_bundle(name)
