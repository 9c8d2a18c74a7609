"""The command line itself: help, usage errors, homes, and mistakes told in one plain line."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import click
import pytest
from typer.main import get_command

import cli
from classifier.errors import BundleError
from classifier.model import bundle
from classifier.model.linear_head import LinearHead
from classifier.model.write import BundleContents, write
from recommender.commands.help_page import SECTIONS
from recommender.connections.kinds import KINDS
from recommender.home import Home
from tests import databases
from tests.recommender import support
from tests.recommender.support import Library, deepcuts, deepcuts_process, query

COMMANDS = (
    "ingest",
    "similar",
    "classify",
    "train",
    "tag",
    "export",
    "import",
    "status",
    "failures",
    "relocate",
)


def test_help_names_every_command_and_the_exit_codes() -> None:
    ran = deepcuts_process(None, "--help")
    assert (ran.code, ran.err) == (0, "")
    for command in COMMANDS:
        assert f"\n  {command} " in ran.out
    assert "3 finished but some files failed" in ran.out.replace("\n  ", " ")


def test_every_command_has_help(tmp_path: Path) -> None:
    for command in COMMANDS:
        ran = deepcuts(tmp_path / "none", command, "--help")
        assert ran.code == 0
        assert f"{command} [OPTIONS]" in ran.out
    assert not (tmp_path / "none").exists()


def test_unknown_command_is_a_usage_error_of_the_process() -> None:
    ran = deepcuts_process(None, "dance")
    assert (ran.code, ran.out) == (2, "")
    assert "No such command" in ran.err


def test_no_arguments_say_how_to_start() -> None:
    ran = deepcuts(None)
    assert (ran.code, ran.err) == (0, "")
    assert "deepcuts ingest " in ran.out
    assert "deepcuts --help" in ran.out


def test_the_help_has_every_command_once_with_the_whole_of_its_summary() -> None:
    lines = deepcuts(None, "--help").out.splitlines()
    listed = [name for commands in SECTIONS.values() for name in commands]
    assert sorted(listed) == sorted(get_command(cli.app).commands)  # type: ignore[attr-defined]
    for commands in SECTIONS.values():
        for name, summary in commands.items():
            assert [line.split(maxsplit=1) for line in lines].count([name, summary]) == 1
    assert max(map(len, lines)) <= 80
    assert lines[0].strip() == "Usage: deepcuts [OPTIONS] COMMAND [ARGS]..."


def all_commands() -> Iterator[tuple[list[str], click.Command]]:
    """Yield every command and group below the program, with the words that call it."""
    waiting: list[tuple[list[str], click.Command]] = [([], get_command(cli.app))]
    while waiting:
        words, command = waiting.pop()
        waiting += [([*words, name], below) for name, below in getattr(command, "commands", {}).items()]
        if words:
            yield words, command


def test_every_help_fits_80_columns_and_cuts_no_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for words, _ in all_commands():
        lines = deepcuts(None, *words, "--help").out.splitlines()
        assert max(map(len, lines)) <= 80, words
        cut = [line for line in lines if line.endswith("...") and not line.startswith("Usage")]
        assert (words, cut) == (words, [])


def test_the_help_names_every_kind_of_connection() -> None:
    """They are not taken from where they are: that module would be loaded for every command's help."""
    kind = next(p for w, c in all_commands() if w == ["connect"] for p in c.params if p.name == "kind")
    assert kind.metavar.split("|") == list(KINDS)


def test_every_command_prints_json_if_asked() -> None:
    for words, command in all_commands():
        options = [option for one in command.params for option in one.opts]
        assert "--json" in options or hasattr(command, "commands"), words


def test_the_name_is_the_same_whatever_started_it() -> None:
    assert "cli.py" in " ".join(support.CLI)
    assert deepcuts_process(None, "similar", "--help").out.startswith("Usage: deepcuts similar ")


def test_the_version_is_that_of_the_package() -> None:
    ran = deepcuts_process(None, "--version")
    assert (ran.code, ran.out, ran.err) == (0, f"deepcuts {metadata.version('deepcuts')}\n", "")


def test_a_shell_is_told_how_commands_go_on() -> None:
    process = subprocess.run(
        support.CLI,
        env={
            **support.environment(),
            "_DEEPCUTS_COMPLETE": "complete_bash",
            "COMP_WORDS": "deepcuts dup",
            "COMP_CWORD": "1",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.split() == ["duplicates"]


@pytest.mark.parametrize(
    "command",
    [
        "discover -n 2 --json",
        "path theta kappa --json",
        "export -o {}/labels.csv --json",
        "import {}/labels.csv --json",
        "check --json",
        "failures --json",
        "relocate {} {} --json",
        "evaluate classifier {} --jobs 1 --json",
        "evaluate recommender --json",
    ],
)
def test_commands_are_processes(library: Library, command: str) -> None:
    """Those that no other test runs as a process of its own."""
    (library.music / "labels.csv").write_text("path,label\nkappa.flac,Noise\n")
    query(library.home, "UPDATE track SET plays = id % 2")
    ran = deepcuts_process(library.home, *command.format(*[library.music] * 2).split())
    assert (ran.code, ran.err) == (0, "")
    assert ran.json is not None


@pytest.mark.parametrize(
    "arguments",
    [
        ["ingest"],
        ["ingest", "/nowhere/at/all"],
        ["ingest", __file__],
        ["ingest", "--jobs", "0", "/tmp"],
        ["ingest", "--label-depth", "0", "/tmp"],
        ["similar"],
        ["similar", "1", "-n", "0"],
        ["similar", "1", "-n", "ten"],
        ["similar", "1", "--nothing"],
        ["classify"],
        ["tag", "/nowhere/at/all"],
        ["train", "/nowhere/at/all"],
        ["train", "--folds", "1"],
        ["relocate", "/old"],
        ["relocate", "/old", "/nowhere/at/all"],
        ["--home", "", "status"],
    ],
    ids=" ".join,
)
def test_usage_errors_are_exit_2(tmp_path: Path, arguments: list[str]) -> None:
    ran = deepcuts(tmp_path / "home", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "Usage:" in ran.err
    assert "Error" in ran.err
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("arguments", [["similar", "1"], ["tag"], ["train"]], ids=" ".join)
def test_nothing_ingested_yet_is_one_plain_line(tmp_path: Path, arguments: list[str]) -> None:
    ran = deepcuts(tmp_path / "home", *arguments)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"deepcuts: the catalogue {databases.place(tmp_path / 'home')} is empty; "
        "fill it with: deepcuts ingest FOLDER\n"
    )


@pytest.mark.databases("sqlite")  # a server's catalogue is named by its address
def test_home_comes_from_the_option_else_the_environment(ingested: Library, tmp_path: Path) -> None:
    by_variable = deepcuts_process(None, "status", "--json", DEEPCUTS_HOME=str(ingested.home))
    assert by_variable.json["home"] == str(ingested.home)
    by_option = deepcuts(tmp_path, "status", DEEPCUTS_HOME=str(ingested.home))
    assert (by_option.code, str(tmp_path) in by_option.err) == (1, True)
    default = deepcuts(None, "status", HOME=str(tmp_path), XDG_DATA_HOME=str(tmp_path / "data"))
    assert default.code == 1
    assert str(tmp_path) in default.err


def test_home_of_an_odd_name(tmp_path: Path) -> None:
    home = Path(os.fsdecode(os.fsencode(tmp_path) + b"/h?me #1 %20 \xc3\xa9"))
    support.write_song(tmp_path / "music/a.flac", 1)
    assert support.ingest(home, tmp_path / "music")["analysed"] == 1
    assert deepcuts(home, "status", "--json").json["tracks"] == 1
    assert (home / "catalog.sqlite").is_file() is (databases.kind() == databases.SQLITE)


def test_an_empty_name_is_not_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a variable that is not set; a variable of ours that is empty says nothing."""
    monkeypatch.chdir(tmp_path)
    for arguments in (["--home", "", "ingest", "."], ["--home=", "status"]):
        ran = deepcuts(None, *arguments)
        assert (ran.code, ran.out) == (2, "")
        assert "--home" in ran.err and "it is empty; name a folder, or leave it out" in ran.err
    unset = deepcuts(None, "status", DEEPCUTS_HOME="", XDG_DATA_HOME=str(tmp_path / "data"))
    assert unset.code == 1 and str(tmp_path / "data") in unset.err
    assert list(tmp_path.iterdir()) == []


def test_home_that_is_a_file_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert deepcuts(tmp_path / "file", "status").code == 2


def test_home_that_cannot_be_made_is_one_plain_line(ingested: Library, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = deepcuts(tmp_path / "file/below", "ingest", ingested.music)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
    assert str(tmp_path / "file/below") in ran.err


def test_ingest_of_a_folder_without_music(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    (tmp_path / "music/cover.jpg").touch()
    report = support.ingest(tmp_path / "home", tmp_path / "music")
    assert (report["found"], report["index_segments"]) == (0, 0)
    ran = deepcuts(tmp_path / "home", "similar", "1")
    assert (ran.code, ran.err) == (1, "deepcuts: no track has the id 1\n")
    assert deepcuts(tmp_path / "home", "tag", "--json").json == []
    assert deepcuts(tmp_path / "home", "status", "--json").json["tracks"] == 0


@pytest.mark.databases("sqlite")
def test_catalogue_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_text("not a database, a letter to my sister\n" * 99)
    for arguments in (["status"], ["ingest", str(tmp_path)]):
        ran = deepcuts(tmp_path, *arguments)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith(f"deepcuts: {tmp_path / 'catalog.sqlite'} is not a catalogue")
        assert ran.err.count("\n") == 1


def test_catalogue_of_a_newer_version(library: Library) -> None:
    query(library.home, "UPDATE alembic_version SET version_num = '9999'")
    ran = deepcuts(library.home, "similar", "1")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("deepcuts: the catalogue has schema 9999, newer than")
    assert ran.err.count("\n") == 1


def test_status_lists_what_needs_attention(library: Library) -> None:
    os.remove(library.music / "kappa.flac")
    (library.music / "bad.mp3").write_text("not audio")
    support.ingest(library.home, library.music, code=3)
    ran = library.run("status")
    assert ran.code == 0
    for expected in (
        f"{library.music / 'bad.mp3'}: not audio, or too damaged to be decoded",
        f"{library.music / 'kappa.flac'}: gone",
        "index: current",
        f"bundle id: {bundle.load(bundle.SHIPPED).bundle_id}",
        "missing: 1",
        "failed: 1",
    ):
        assert expected in ran.out
    (library.home / "index/segments.json").unlink()
    assert library.run("status", "--json").json["index"] == "absent"
    assert not (library.home / "index/segments.json").exists()


def other_bundle(home: Path) -> bundle.Bundle:
    """Activate a bundle on the shipped trunk with two genres of its own."""
    shipped = bundle.load(bundle.SHIPPED)
    head = LinearHead(shipped.head.input, shipped.head.kernel[:, :2], shipped.head.bias[:2])
    contents = BundleContents(
        front_end=shipped.front_end,
        head=head,
        labels=("calm", "loud"),
        tag_names=shipped.tag_names,
        training={},
        embedding_size=shipped.embedding_size,
    )
    made = write(home / "bundles", bundle.SHIPPED, contents)
    Home(home).activate(made)
    return made


def edit(path: Path, old: bytes, new: bytes) -> None:
    raw = path.read_bytes()
    assert old in raw
    path.write_bytes(raw.replace(old, new, 1))


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        ("bundle.json", b'"calm"', b'"wild"', "does not match its head"),
        ("bundle.json", b'"format": 3', b'"format": 4', "format 4 is none of those"),
        ("bundle.json", b'"head"', b'"tail"', "does not fit its files"),
        ("bundle.json", b"{", b"[", "is not JSON"),
        ("head.npz", b"bias", b"bees", "head.npz is not the file that bundle.json describes"),
    ],
)
def test_damaged_bundle_is_refused_by_name(
    library: Library, name: str, old: bytes, new: bytes, reason: str
) -> None:
    made = other_bundle(library.home)
    edit(made.path / name, old, new)
    ran = library.run("similar", "1")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"deepcuts: bundle {made.path}: ")
    assert reason in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    "text",
    ["[]", "3", '"bundle"', '{"format": 1, "files": []}', '{"format": 1, "files": null}', "\udcff", ""],
)
def test_bundle_description_of_another_shape(tmp_path: Path, text: str) -> None:
    made = other_bundle(tmp_path)
    (made.path / "bundle.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BundleError) as caught:
        Home(tmp_path).bundle()
    assert str(caught.value).startswith(f"bundle {made.path}: ")
    assert "\n" not in str(caught.value)


def test_damaged_bundle_can_be_left(library: Library) -> None:
    made = other_bundle(library.home)
    (made.path / "bundle.json").write_text("{")
    assert library.run("train", "--use", "shipped").code == 0
    assert library.run("similar", "1").code == 0


def test_active_bundle_that_is_gone(tmp_path: Path) -> None:
    made = other_bundle(tmp_path)
    shutil.rmtree(made.path)
    ran = deepcuts(tmp_path, "classify", support.write_song(tmp_path / "a.flac", 1))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        f"deepcuts: no bundle '{made.bundle_id}'; there are: shipped; "
        "choose another, or the one that comes with deepcuts: deepcuts train --use shipped\n"
    )


def test_switching_bundles_renews_predictions_alone(library: Library) -> None:
    shipped = bundle.load(bundle.SHIPPED)
    features = [tuple(row) for row in query(library.home, "SELECT * FROM feature ORDER BY segment_id")]
    index = support.index_files(library.home)
    made = other_bundle(library.home)
    Home(library.home).activate(shipped)
    for name, used, n_labels in (
        (made.bundle_id, made, 2),
        ("shipped", shipped, 15),
        (str(made.path), made, 2),
    ):
        answer = library.run("train", "--use", name, "--json").json
        assert answer["bundle_id"] == used.bundle_id
        assert answer["segments_predicted"] == len(features)
        rows = query(library.home, "SELECT bundle_id, length(genres) AS size FROM prediction")
        assert {tuple(row) for row in rows} == {(used.bundle_id, 4 * n_labels)}
        assert len(rows) == len(features)
        assert Home(library.home).bundle().bundle_id == used.bundle_id
    assert [
        tuple(row) for row in query(library.home, "SELECT * FROM feature ORDER BY segment_id")
    ] == features
    assert support.index_files(library.home) == index
    assert {g["name"] for g in library.similar("1")["results"][0]["genres"]} == {"calm", "loud"}
    ran = library.run("train", "--use", "bundle-nothing")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == f"deepcuts: no bundle 'bundle-nothing'; there are: {made.bundle_id}, shipped\n"


@pytest.mark.databases("sqlite")
def test_database_is_whole(ingested: Library) -> None:
    connection = sqlite3.connect(ingested.home / "catalog.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
