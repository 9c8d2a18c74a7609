"""The source distribution and the wheel: what is in them, what they say of themselves, that they work."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests import synth
from tests.conftest import REPO

ELSEWHERE = {".git", ".venv", "build", "demo", "benchmarks", "deepcuts.egg-info"}
AUDIO = re.compile(r"\.(mp3|ogg|opus|flac|wav|ape|m4a|aac|wma|wv)$")
CACHES = re.compile(r"__pycache__|\.py[cod]$|/\.|~$")
PACKAGES = ("beetsplug", "classifier", "db", "recommender")
SHELLS = {
    "share/man/man1/deepcuts.1",
    "share/bash-completion/completions/deepcuts",
    "share/zsh/site-functions/_deepcuts",
    "share/fish/vendor_completions.d/deepcuts.fish",
}


@dataclass(frozen=True)
class Built:
    """What was built: the source distribution, the wheel made of it, and the wheel made of the tree."""

    sources: Path
    wheel: Path
    wheel_of_the_tree: Path

    @property
    def metadata(self) -> Message:
        """What the wheel says of itself."""
        with zipfile.ZipFile(self.wheel) as wheel:
            return Parser().parsestr(wheel.read("deepcuts-0.1.0.dist-info/METADATA").decode())


def build(tree: Path, kind: str, into: Path) -> Path:
    """Call setuptools as an installer does, which has what pyproject.toml requires for it."""
    into.mkdir()
    program = f"import sys, setuptools.build_meta as b; b.build_{kind}(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", program, into], cwd=tree, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (file,) = into.iterdir()
    return file


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Both built of a tree that has been worked in: its tests and compiled modules lie beside."""
    folder = tmp_path_factory.mktemp("distribution")
    tree = folder / "tree"
    shutil.copytree(REPO, tree, ignore=lambda at, _: ELSEWHERE if Path(at) == REPO else ())
    (tree / "db" / "__pycache__").mkdir(exist_ok=True)
    for stray in ("db/__pycache__/rows.cpython-311.pyc", "docs/guide/.notes.md", "deploy/manual.py~"):
        (tree / stray).write_bytes(b"stray")
    sources = build(tree, "sdist", folder / "sdist")
    with tarfile.open(sources) as archive:
        archive.extractall(folder, filter="data")
    return Built(
        sources,
        build(folder / "deepcuts-0.1.0", "wheel", folder / "wheel"),
        build(tree, "wheel", folder / "wheel of the tree"),
    )


def contents(wheel: Path) -> dict[str, bytes]:
    """Return the files of a wheel."""
    with zipfile.ZipFile(wheel) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def test_the_wheel_holds_what_runs_and_nothing_else(built: Built) -> None:
    modules = {file for package in PACKAGES for file in (REPO / package).rglob("*.py")}
    data = {
        *(REPO / "classifier" / "shipped").iterdir(),
        *(REPO / "recommender" / "service" / "static").iterdir(),
        REPO / "db" / "migrations" / "script.py.mako",
        REPO / "cli.py",
    }
    expected = {str(file.relative_to(REPO)) for file in modules | data if "__pycache__" not in file.parts}
    guide = (REPO / "docs" / "guide").iterdir()
    expected |= {f"recommender/service/guide/{file.name}" for file in guide}
    expected |= {f"deepcuts-0.1.0.data/data/{name}" for name in SHELLS}
    about = {"METADATA", "WHEEL", "entry_points.txt", "top_level.txt", "RECORD"}
    about |= {"licenses/LICENSE", "licenses/NOTICE", "licenses/classifier/shipped/NOTICE"}
    expected |= {f"deepcuts-0.1.0.dist-info/{name}" for name in about}
    assert set(contents(built.wheel)) == expected
    assert len([name for name in expected if "/versions/" in name]) > 10


def test_the_sources_make_the_same_wheel_as_the_tree(built: Built) -> None:
    assert contents(built.wheel) == contents(built.wheel_of_the_tree)


def test_the_sources_hold_documents_and_no_audio_no_tests_no_caches(built: Built) -> None:
    with tarfile.open(built.sources) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {name for name in names if AUDIO.search(name) or CACHES.search(name)} == set()
    assert {name for name in names if name.startswith(("tests", "demo", "benchmarks"))} == set()
    assert {"CHANGELOG.md", "constraints.txt", "docs/COMMANDS.md", "deploy/manual.py"} <= names
    named = set(re.findall(r"docs/\w+\.md", built.metadata.get_payload()))
    assert len(named) > 5
    assert named <= names


def test_the_description_leads_nowhere_that_is_not_there(built: Built) -> None:
    text = built.metadata.get_payload()
    assert text.startswith("# deepcuts\n")
    assert [target for target in re.findall(r"\]\(([^)]*)\)", text) if ":" not in target] == []
    assert "docs/RECOMMENDER.md has every rule" in text


def test_the_metadata_tells_licences_and_pythons(built: Built) -> None:
    told = built.metadata
    assert told["License-Expression"] == "MIT AND ISC"
    pythons = [name.rpartition(" ")[2] for name in told.get_all("Classifier") if "Python :: 3." in name]
    assert pythons == ["3.11", "3.12", "3.13"]
    assert told["Requires-Python"] == "<3.14,>=3.11"
    with (REPO / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    typer = [one for one in project["project"]["dependencies"] if one.startswith("typer")]
    assert typer == [one for one in project["build-system"]["requires"] if one.startswith("typer")]


def imported_modules() -> set[str]:
    """Return the modules that the product imports, wherever in a module, by their full names."""
    names: set[str] = set()
    for part in (*PACKAGES, "cli.py"):
        for file in (REPO / part).rglob("*.py") if (REPO / part).is_dir() else [REPO / part]:
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                    names.add(node.module)
    own = {*PACKAGES, "cli"}
    return {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names | own}


def test_every_package_that_is_imported_is_asked_for() -> None:
    with (REPO / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["cluster"]]
    asked.append("beets")  # whoever has the plugin run has it
    brought: set[str] = set()
    for one in asked:
        files = distribution(re.split(r"[^\w.-]", one)[0]).files or []
        brought |= {file.parts[0].partition(".")[0] for file in files if file.suffix in (".py", ".so")}
    missing = {name for name in imported_modules() if name.partition(".")[0] not in brought}
    assert missing == set()


def test_the_wheel_works_where_no_sources_are(built: Built, tmp_path: Path) -> None:
    installed = tmp_path / "site"
    with zipfile.ZipFile(built.wheel) as wheel:
        wheel.extractall(installed)
    (tmp_path / "music").mkdir()
    for seed in range(2):
        synth.write_flac(tmp_path / "music" / f"song {seed}.flac", synth.music_like(4, seed))
    start = "import cli, os, sys; print(os.path.dirname(cli.__file__), file=sys.stderr); cli.app()"

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", start, "--home", "home", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(installed)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr.splitlines()[0]) == (0, str(installed)), done.stderr
        return done.stdout

    assert run("--version") == "deepcuts 0.1.0\n"
    assert "2 analysed" in run("ingest", "music", "--jobs", "1")
    assert "song 1" in run("similar", "music/song 0.flac")
