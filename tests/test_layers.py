"""The rooms and doors of docs/layout.md, read from the imports themselves."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import synth
from tests.conftest import REPO
from tests.recommender.support import write_song
from tests.recommender.training.trained import heard_by_network

PACKAGES = ("classifier", "db", "recommender")
OURS = (*PACKAGES, "cli")
MAX_LINES = 300
KERAS = ("keras", "tensorflow", "onnx", "tf2onnx")
KERAS_NAMES = "musicnn musicnn_onnx architectures network frozen resume export explain"
KERAS_MODULES = {f"classifier.{name}" for name in KERAS_NAMES.split()}
ONNX_MODULE = "classifier.networks.bundle_trial"
"""Looks at graphs without Keras, in a process of its own."""
# These draw: matplotlib is loaded with them.
PICTURE_MODULES = {f"classifier.{name}" for name in ("picture", "plots", "explain_plot")} | {
    f"recommender.{name}"
    for name in ("reasons.picture", "quality.plots", "quality.map_plot", "quality.recommender")
}
TRAINING_NAMES = "training tuning heads unknown validation folds metrics songs dataset recipes batches resume"
FILES = sorted([REPO / "cli.py", *(file for package in PACKAGES for file in (REPO / package).rglob("*.py"))])


@dataclass(frozen=True)
class Import:
    """One imported module; `at_top` where it happens as soon as the importing module is loaded."""

    by: str
    of: str
    at_top: bool

    def __str__(self) -> str:
        return f"{self.by} imports {self.of}"


def module_name(file: Path) -> str:
    parts = file.relative_to(REPO).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(file): file for file in FILES}


def is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def statements(body: list[ast.stmt], at_top: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """Every statement but those for type checkers alone, and whether loading the module runs it."""
    for node in body:
        if is_type_checking(node):
            continue
        yield node, at_top
        inner = at_top and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for field in ("body", "orelse", "finalbody"):
            yield from statements(getattr(node, field, []), inner)
        for handler in getattr(node, "handlers", []):
            yield from statements(handler.body, inner)
        for case in getattr(node, "cases", []):
            yield from statements(case.body, inner)


def imports_of(module: str) -> Iterator[Import]:
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    for node, at_top in statements(tree.body, at_top=True):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, at_top)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield Import(module, whole if whole in MODULES else str(node.module), at_top)


IMPORTS = [found for module in MODULES for found in imports_of(module)]


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def arrows(by: str, *of: str) -> list[str]:
    """The imports of one package, or module, that go to others, as text."""
    return [str(i) for i in IMPORTS if within(i.by, by) and within(i.of, *of)]


def test_the_imports_are_read() -> None:
    """That the rules below do not pass because nothing was found."""
    assert len(FILES) > 40
    assert arrows("cli", "recommender.commands.similar")
    assert arrows("classifier.model.bundle", "classifier.features.frontend", "numpy")
    inside = [i for i in IMPORTS if i.by == "recommender.commands.similar" and not i.at_top]
    assert "recommender.presentation.lists" in {i.of for i in inside}
    assert not arrows("classifier.params", "classifier")


@pytest.mark.parametrize(
    ("by", "of"),
    [
        ("classifier", ("db", "recommender", "cli")),
        ("db", ("classifier", "recommender", "cli")),
        ("recommender", ("cli",)),
    ],
)
def test_packages_are_layered(by: str, of: tuple[str, ...]) -> None:
    assert arrows(by, *of) == []


@pytest.mark.parametrize(
    ("package", "foreign"),
    [
        ("classifier", ("sqlalchemy", "alembic", "faiss", "typer", "rich")),
        ("db", ("av", "soundfile", "soxr", "librosa", "onnxruntime", "faiss", "typer", "rich", "mutagen")),
        ("recommender", ("av", "soundfile", "soxr", "librosa", "onnxruntime")),
    ],
)
def test_packages_keep_to_their_own_libraries(package: str, foreign: tuple[str, ...]) -> None:
    assert arrows(package, *foreign) == []


@pytest.mark.parametrize("door", ["recommender.commands", "recommender.service"])
def test_nothing_imports_the_outermost_rooms(door: str) -> None:
    found = [i for i in IMPORTS if within(i.of, door) and not within(i.by, door)]
    allowed = ("cli", "recommender.commands.serve")
    assert [str(i) for i in found if i.by not in allowed] == []


def test_only_the_outermost_rooms_ask_for_answers() -> None:
    doors = ("recommender.answers", "recommender.commands", "recommender.service")
    found = [i for i in IMPORTS if within(i.of, "recommender.answers") and not within(i.by, *doors)]
    assert [str(i) for i in found] == []


def test_only_commands_and_cli_speak_typer_and_rich() -> None:
    found = [i for i in IMPORTS if within(i.of, "typer", "rich")]
    assert [str(i) for i in found if not within(i.by, "cli", "recommender.commands")] == []


# The floors of retrieval: a module may import those of lower floors only, so `similar` calls the others.
RETRIEVAL_FLOORS = [
    ("exact", "scoring", "discovery", "duplicates", "search", "versions"),
    ("hubness", "passages", "song_path", "duplicate_sets", "diversity", "inverted_file", "index_files"),
    ("segment_index", "query", "recordings", "reasons"),
    ("index_build", "filters", "matching", "ranking"),
    ("inverted_build",),
    ("index", "wishes"),
    ("similar",),
    ("lists",),
]
# Arithmetic on arrays: neither rows nor files nor FAISS.
RETRIEVAL_HELPERS = ("exact", "scoring", "discovery", "duplicates", "hubness", "passages", "song_path")


def test_in_retrieval_modules_call_only_those_below_them() -> None:
    floors = {name: number for number, names in enumerate(RETRIEVAL_FLOORS) for name in names}
    retrieval = "recommender.retrieval."
    modules = {name.removeprefix(retrieval) for name in MODULES if name.startswith(retrieval)}
    assert modules == set(floors), "a new module needs a floor"
    found = [i for i in IMPORTS if within(i.by, retrieval[:-1]) and within(i.of, retrieval[:-1])]
    upwards = [
        i for i in found if floors[i.of.removeprefix(retrieval)] >= floors[i.by.removeprefix(retrieval)]
    ]
    assert [str(i) for i in upwards] == []
    assert found  # they do call each other


def test_retrieval_does_not_call_library() -> None:
    foreign = ("library", "tagging", "quality", "reasons", "training", "describe")
    assert arrows("recommender.retrieval", *(f"recommender.{name}" for name in foreign)) == []


def test_retrieval_helpers_are_pure_numerics() -> None:
    for helper in RETRIEVAL_HELPERS:
        found = arrows(f"recommender.retrieval.{helper}", "classifier", "db", "cli", "faiss", "sqlalchemy")
        assert found == []
        allowed = ("recommender.params", *(f"recommender.retrieval.{name}" for name in RETRIEVAL_HELPERS))
        ours = [i for i in IMPORTS if i.by == f"recommender.retrieval.{helper}" and within(i.of, *OURS)]
        assert [str(i) for i in ours if not within(i.of, *allowed)] == []


def reached_from(module: str, *, loading: bool) -> set[str]:
    """Our modules that one imports, and they in turn; `loading`: as soon as it is loaded."""
    reached, todo = set[str](), {module}
    while todo:
        reached |= todo
        found = (i for i in IMPORTS if i.by in todo and i.of in MODULES and (i.at_top or not loading))
        todo = {i.of for i in found} - reached
    return reached


def test_serving_needs_no_training() -> None:
    loaded = reached_from("classifier.model.inference", loading=True)
    assert {"classifier.audio.decode", "classifier.model.calibration", "classifier.genres.taxonomy"} <= loaded
    assert not loaded & {f"classifier.{name}" for name in TRAINING_NAMES.split()}
    # Fitting a calibration, which serving never does, is all that it could reach of training.
    found = reached_from("classifier.model.inference", loading=False)
    assert not found & (KERAS_MODULES | PICTURE_MODULES | {ONNX_MODULE})


def test_keras_only_where_models_are_made() -> None:
    found = {i.by for i in IMPORTS if within(i.of, *KERAS)}
    assert {name for name in found if not within(name, "classifier.build")} == {*KERAS_MODULES, ONNX_MODULE}
    of_trial = {i.of for i in IMPORTS if i.by == ONNX_MODULE and within(i.of, *KERAS)}
    assert of_trial == {"onnx"}


def test_keras_modules_are_imported_at_the_top_of_one_another_only() -> None:
    """So that reading any other module does not load TensorFlow."""
    heavy = (*KERAS, *KERAS_MODULES, ONNX_MODULE, "classifier.build", "librosa", "scipy", "sklearn", "numba")
    found = [i for i in IMPORTS if i.at_top and within(i.of, *heavy)]
    allowed = ("classifier.build", *KERAS_MODULES, ONNX_MODULE)
    assert [str(i) for i in found if not within(i.by, *allowed)] == []


def test_modules_that_draw_are_imported_at_the_top_of_one_another_only() -> None:
    """So that reading any other module does not load matplotlib."""
    found = [i for i in IMPORTS if i.at_top and within(i.of, "matplotlib", *PICTURE_MODULES)]
    assert {i.by for i in found} == PICTURE_MODULES


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("recommender.commands.")])
def test_command_modules_import_little_at_their_top(module: str) -> None:
    light = ("typer", "recommender.commands", "recommender.params", *sys.stdlib_module_names)
    found = [i for i in IMPORTS if i.by == module and i.at_top]
    assert [str(i) for i in found if not within(i.of, *light)] == []


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
CATCH_ALLS = {"recommender.service.decoding.answering", "recommender.library.workers.boundary"}


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
print("loaded:", *sorted({name.split(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(code)
"""


def loaded_by(*arguments: str | Path) -> tuple[set[str], str]:
    """Run the command line; return the top-level packages that it loaded, and its output."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *map(str, arguments)],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
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
    assert "Usage" in output


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
