"""The manual page and the completions: whole, in the form that is wanted, in step with the program."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

import cli
from deploy.manual import EXIT_CODES, _escaped, shell_files
from tests.cli.test_basics import all_commands
from tests.conftest import REPO
from tests.recommender.support import environment

PAGE = shell_files("1.2.3")["share/man/man1/deepcuts.1"]


def needed(program: str) -> str:
    """Return the path of a program; the test is skipped where it is not installed."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def sections(page: str) -> dict[str, str]:
    """Return the page's text by its headings."""
    parts = re.split(r"^\.S[HS] (.*)\n", page, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_page_has_every_command_with_every_option() -> None:
    found = sections(PAGE)
    for words, command in all_commands():
        if hasattr(command, "commands"):
            continue
        text = found[_escaped(" ".join(words))]
        for parameter in command.params:
            for option in (*parameter.opts, *parameter.secondary_opts):
                if option.startswith("-") and not parameter.hidden:
                    assert re.search(rf"^\.B .*{re.escape(_escaped(option))}\b", text, re.M), (words, option)
        assert _escaped((command.help or "").split()[0]) in text
    for parameter in get_command(cli.app).params:
        assert _escaped(parameter.opts[0]) in found["OPTIONS"]


def test_the_page_tells_every_exit_code_of_the_help() -> None:
    epilog = get_command(cli.app).epilog or ""
    assert re.findall(r"\d+", epilog) == list(EXIT_CODES)


def test_a_page_is_what_man_reads_without_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "deepcuts.1"
    file.write_text(PAGE, encoding="utf-8")
    done = subprocess.run(
        [needed("man"), "--warnings", "-l", file],
        env={**environment(), "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MANPAGER": "cat"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert "deepcuts similar [OPTIONS] {QUERY...}" in done.stdout
    assert "deepcuts 1.2.3" in done.stdout


def test_mandoc_finds_nothing_wrong_but_that_it_has_no_date(tmp_path: Path) -> None:
    file = tmp_path / "deepcuts.1"
    file.write_text(PAGE, encoding="utf-8")
    lint = subprocess.run(
        [needed("mandoc"), "-T", "lint", "-W", "warning", file], capture_output=True, text=True, check=False
    )
    told = [line.split(": ", 2)[2] for line in (lint.stdout + lint.stderr).splitlines()]
    assert told == ['WARNING: missing date, using "": TH']


def test_text_is_no_request_of_roff() -> None:
    assert _escaped(".m3u8 isn't -n \\") == r"\&.m3u8 isn\(aqt \-n \e"


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prefix with the completions, and the program in its bin."""
    folder = tmp_path_factory.mktemp("prefix")
    subprocess.run([sys.executable, REPO / "deploy" / "manual.py", folder], check=True)
    program = folder / "bin" / "deepcuts"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {REPO / "cli.py"} "$@"\n')
    program.chmod(0o755)
    return folder


BASH = """
. {0}/share/bash-completion/completions/deepcuts
COMP_WORDS=(deepcuts similar --rel) COMP_CWORD=2
_deepcuts deepcuts
printf '%s\\n' "${{COMPREPLY[@]}}"
complete -p deepcuts
"""
ZSH = """
fpath=({0}/share/zsh/site-functions $fpath)
autoload -U compinit; compinit -u -D
_arguments() {{ print -r -- "$@" }}
words=(deepcuts similar --rel) CURRENT=3
$_comps[deepcuts]
"""
FISH = """
source {0}/share/fish/vendor_completions.d/deepcuts.fish
complete -C "deepcuts similar --rel"
"""


def completing() -> Iterator[tuple[list[str], str]]:
    """Yield each shell, without anybody's settings, and what it is asked."""
    yield ["bash", "--norc", "-c"], BASH
    yield ["zsh", "-f", "-c"], ZSH
    yield ["fish", "--no-config", "-c"], FISH


@pytest.mark.parametrize(("shell", "script"), list(completing()), ids=["bash", "zsh", "fish"])
def test_a_shell_completes_an_option(prefix: Path, shell: list[str], script: str) -> None:
    path = f"{prefix / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        [needed(shell[0]), *shell[1:], script.format(prefix)],
        env={**environment(), "PATH": path, "HOME": str(prefix)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "--related-keys" in done.stdout, done.stderr
    assert "--tempo" not in done.stdout
