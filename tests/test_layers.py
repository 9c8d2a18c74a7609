"""What import-linter's contracts, which `make check` holds, cannot tell: form, and what is really loaded."""

import ast
import json
from pathlib import Path

import pytest

from tests import synth
from tests.conftest import REPO
from tests.processes import run_python
from tests.recommender.support import write_song
from tests.recommender.training.trained import heard_by_network

PACKAGES = ("classifier", "db", "recommender")
MAX_LINES = 300
FILES = sorted([REPO / "cli.py", *(file for package in PACKAGES for file in (REPO / package).rglob("*.py"))])


def module_name(file: Path) -> str:
    parts = file.relative_to(REPO).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(file): file for file in FILES}


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def test_init_files_are_empty() -> None:
    assert [
        module for module, file in MODULES.items() if file.name == "__init__.py" and file.read_text()
    ] == []


def test_every_package_has_an_init_file() -> None:
    assert [
        str(file.parent)
        for file in FILES
        if file.parent != REPO and not (file.parent / "__init__.py").is_file()
    ] == []


# Commands are tested as a user runs them, in tests/cli; what is presented, by commands and service.
WITHOUT_TESTS = {
    "db/migrations",
    "db/migrations/versions",
    "recommender/commands",
    "recommender/presentation",
}


def test_tests_lie_in_folders_named_as_the_rooms() -> None:
    folders = {file.parent.relative_to(REPO / "tests") for file in (REPO / "tests").rglob("test_*.py")}
    rooms = {file.parent.relative_to(REPO) for file in FILES if file.name != "__init__.py"}
    assert {str(room) for room in rooms - folders} == WITHOUT_TESTS
    assert {str(folder) for folder in folders if not (REPO / folder).is_dir()} == {"campaign", "cli"}


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_modules_are_short(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) < MAX_LINES


def test_print_only_in_commands_and_cli() -> None:
    printing = {
        module
        for module, file in MODULES.items()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "sys.stdout.write")
    }
    assert {module for module in printing if not within(module, "cli", "recommender.commands")} == set()


# Where whatever a decoder raises becomes the failure of one file.
CATCH_ALLS = {"recommender.service.decoding.process", "recommender.library.workers.boundary"}


def test_no_catch_all_but_the_one_in_cli() -> None:
    catching = {
        module
        for module, file in MODULES.items()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
        and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
    }
    assert catching == CATCH_ALLS


# What a process really loads.

LOADED = """
import runpy, sys
sys.argv = ["cli.py", *sys.argv[1:]]
code = 0
try:
    runpy.run_path("cli.py", run_name="__main__")
except SystemExit as end:
    code = end.code
print("loaded:", *sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""


def loaded_by(*arguments: str | Path) -> tuple[set[str], str]:
    """Run the command line; return the packages and modules that it loaded, and its output."""
    done = run_python(LOADED, *arguments)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].removeprefix("loaded: ").split()), done.stdout


HEAVY = {"tensorflow", "keras", "librosa", "scipy", "numba", "sklearn", "matplotlib"}
SERVING = {"numpy", "sqlalchemy", "alembic", "faiss", "onnxruntime", "av", "soundfile", "soxr", "mutagen"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        *((name, "--help") for name in ("similar", "ingest", "train", "tune", "evaluate", "explain")),
    ],
    ids=" ".join,
)
def test_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    loaded, output = loaded_by(*arguments)
    assert "typer" in loaded
    assert loaded & (HEAVY | SERVING) == set()
    ours = {name for name in loaded if "." in name and within(name, *PACKAGES)}
    light = ("recommender.commands", "recommender.params")
    assert {name for name in ours if not within(name, *light) and not name.endswith(".errors")} == set()
    assert "Usage" in output


# Where networks are made, and pictures drawn.
MADE_WITH_KERAS = ("classifier.build", "classifier.networks", "classifier.explanation.attribution")
HEAVY_ROOMS = (*MADE_WITH_KERAS, "classifier.plotting")


def test_reading_a_module_loads_nothing_heavy() -> None:
    """Networks, solvers and pictures are imported by the functions that use them, not with their module."""
    light = [
        name
        for name in MODULES
        if not within(name, "cli", "db.migrations", *HEAVY_ROOMS)
        and name.rpartition(".")[2] not in ("plot", "plots")
    ]
    assert len(light) > 200
    program = (
        f"import importlib, sys\nfor name in {light}: importlib.import_module(name)\nprint(*sys.modules)"
    )
    done = run_python(program)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) & HEAVY == set()


def test_similar_on_a_catalogued_track_loads_no_tensorflow_and_no_librosa(tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    paths = [synth.write_flac(music / f"song {seed}.flac", synth.music_like(4, seed)) for seed in range(3)]
    home = tmp_path / "home"
    loaded, _ = loaded_by("--home", home, "ingest", music, "--jobs", "1")
    assert not loaded & HEAVY
    loaded, output = loaded_by("--home", home, "similar", paths[0])
    assert "song 1" in output
    assert "sqlalchemy" in loaded
    assert not loaded & (HEAVY | {"av", "faiss", "onnxruntime", "scipy"})


def test_training_a_head_loads_no_tensorflow(tmp_path: Path) -> None:
    for number in range(2):
        for genre, sound in (("hum", synth.tone(3.2, 90.0 + number)), ("rain", synth.noise(3.2, number))):
            path = tmp_path / genre / f"{number}.wav"
            path.parent.mkdir(exist_ok=True)
            synth.write(path, sound)
    loaded, output = loaded_by("--home", tmp_path / "home", "train", tmp_path, "--jobs", "1", "--json")
    assert json.loads(output)["labels"] == ["hum", "rain"]
    assert "sklearn" in loaded
    assert not loaded & {"tensorflow", "keras", "librosa", "numba", "matplotlib"}


@pytest.mark.parametrize("command", ["classify", "similar", "ingest", "tag"])
def test_a_networks_bundle_is_served_without_what_trained_it(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, command: str
) -> None:
    heard = heard_by_network(tmp_path_factory.getbasetemp())
    copy = heard.library.clone(tmp_path)
    new = write_song(copy.music / "new.flac", 91)
    arguments = {
        "classify": [new],
        "similar": [new],
        "ingest": [copy.music, "--jobs", "1"],
        "tag": [copy.music],
    }
    loaded, output = loaded_by("--home", copy.home, command, *arguments[command], "--json")
    assert "new.flac" in output or json.loads(output)["analysed"] == 1
    assert not loaded & HEAVY


def test_workers_import_no_database() -> None:
    """A worker hears files; the rows are its parent's, and SQLAlchemy takes long to import."""
    done = run_python("import sys, recommender.library.workers.tasks; print(*sys.modules)")
    assert done.returncode == 0, done.stderr
    assert "sqlalchemy" not in done.stdout.split()
