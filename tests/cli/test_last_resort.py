"""Errors that nothing expected, outputs that take nothing, too little memory: one line, no traceback."""

import errno
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from classifier.errors import in_words
from recommender.commands import last_resort
from recommender.error_log import log_path
from tests.processes import run_python
from tests.recommender.support import CLI, Library, deepcuts, environment


def failing_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `status` raise an error."""

    def fail(_home: object) -> Any:
        raise error

    monkeypatch.setattr("recommender.presentation.status.status_answer", fail)


def test_what_nothing_expected_is_one_line_and_its_traceback_is_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_with(ValueError("no such\nthing [parameters: ('secret',)]"), monkeypatch)
    ran = deepcuts(tmp_path, "status")
    assert ran.code == 1
    assert ran.err == (
        "deepcuts: something unexpected went wrong (ValueError: no such); "
        f"details are in {tmp_path / 'deepcuts.log'}\n"
    )
    logged = log_path(tmp_path).read_text()
    assert "Traceback (most recent call last)" in logged
    assert "ValueError: no such" in logged
    assert log_path(tmp_path).stat().st_mode & 0o777 == 0o600


def test_without_a_home_to_log_in_it_says_how_to_see_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_with(KeyError("x"), monkeypatch)
    ran = deepcuts(tmp_path / "none", "status")
    assert ran.err == (
        "deepcuts: something unexpected went wrong (KeyError: 'x'); "
        "to see details, run it with DEEPCUTS_TRACEBACK=1\n"
    )
    assert not (tmp_path / "none").exists()
    monkeypatch.setenv("DEEPCUTS_TRACEBACK", "1")
    assert "Traceback (most recent call last)" in deepcuts(tmp_path / "none", "status").err


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/x/y"),
            "/x/y: no space left on device; make room",
        ),
        (OSError(errno.EIO, "Input/output error"), "input/output error; its disk may be failing"),
        (OSError("no number"), "no number"),
        (OSError(), "it was refused"),
        (
            OSError(errno.EMFILE, "Too many open files", b"/\xff"),
            "/\\xff: too many open files; raise the limit",
        ),
        (MemoryError(), "there is not enough memory;"),
        (ImportError("said\nat length", name="numpy"), "the library numpy cannot be loaded (said)"),
        (RecursionError("deep"), "something unexpected went wrong (RecursionError: deep); "),
        (EOFError(), "something unexpected went wrong (EOFError); "),
        (
            UnicodeEncodeError("ascii", "\x1b", 0, 1, "odd"),
            "something unexpected went wrong (UnicodeEncodeError",
        ),
    ],
)
def test_each_error_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, line: str
) -> None:
    failing_with(error, monkeypatch)
    ran = deepcuts(tmp_path, "status")
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert ran.err.startswith(f"deepcuts: {line}")
    assert "None" not in ran.err
    assert "\x1b" not in ran.err


def test_of_a_memory_error_in_an_import_only_the_memory_is_told() -> None:
    error = ImportError("IMPORTANT: PLEASE READ THIS")
    error.__cause__ = MemoryError()
    assert last_resort.what_happened(error, lambda: None) == last_resort.NO_MEMORY


def test_an_interrupt_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing_with(KeyboardInterrupt(), monkeypatch)
    ran = deepcuts(tmp_path, "status")
    assert (ran.code, ran.err) == (130, "")


def test_what_is_to_be_done_is_said() -> None:
    assert in_words(OSError(errno.EROFS, "Read-only file system")).endswith("; nothing can be written there")
    assert in_words(OSError(errno.ENOENT, "No such file or directory")) == "No such file or directory"


RAISING = """
import sys, threading
from pathlib import Path
from recommender.commands import last_resort
last_resort.keep_quiet(lambda: Path(sys.argv[1]))
def fail(): raise ValueError("in a thread")
class Ends:
    def __del__(self): raise ValueError("at its end")
thread = threading.Thread(target=fail); thread.start(); thread.join()
Ends()
print("done", flush=True)
raise ValueError("at last")
"""


def test_threads_and_objects_that_end_write_to_the_log_alone(tmp_path: Path) -> None:
    done = run_python(RAISING, tmp_path)
    assert (done.returncode, done.stdout) == (1, "done\n")
    assert done.stderr.startswith("deepcuts: something unexpected went wrong (ValueError: at last); ")
    assert done.stderr.count("\n") == 1
    logged = log_path(tmp_path).read_text()
    assert [f"ValueError: {where}" in logged for where in ("in a thread", "at its end", "at last")] == [
        True
    ] * 3


def test_hooks_of_other_programs_stay() -> None:
    before = threading.excepthook, sys.unraisablehook
    last_resort.keep_quiet(lambda: None, only_again=True)
    assert (threading.excepthook, sys.unraisablehook) == before


def in_shell(home: Path, line: str, **more: str) -> tuple[int, str]:
    """Run a line of bash in which $deepcuts is the command on a home; return its exit code and stderr."""
    words = " ".join(f"'{word}'" for word in (*CLI, "--home", str(home)))
    done = subprocess.run(
        ["bash", "-c", f'set -o pipefail; deepcuts() {{ {words} "$@"; }}; {line}'],
        capture_output=True,
        text=True,
        errors="surrogateescape",
        env=environment(home, **more),
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert "Exception ignored" not in done.stderr, done.stderr
    return done.returncode, done.stderr


FULL = "deepcuts: the output: no space left on device; make room there and run it again\n"
CUT = "deepcuts: the output was cut short: what read it has stopped\n"
CLOSED = "deepcuts: the output: bad file descriptor\n"


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("deepcuts status > /dev/full", 1, FULL),
        ("deepcuts status --json > /dev/full", 1, FULL),
        ("deepcuts similar 1 > /dev/full", 1, FULL),
        ("deepcuts tag > /dev/full", 1, FULL),
        ("deepcuts --help > /dev/full", 1, FULL),
        ("(sleep 2; deepcuts status) | true", 1, CUT),
        ("(sleep 2; deepcuts similar 1) | true", 1, CUT),
        ("deepcuts status >&-", 1, CLOSED),
        ("deepcuts status 2>&- > /dev/null", 0, ""),
        ("deepcuts similar 999 2> /dev/full", 1, ""),
        ("deepcuts similar 999 2>&- >&- <&-", 1, ""),
        ("deepcuts status <&- > /dev/null", 0, ""),
        ("deepcuts nothing 2>&-", 2, ""),
        ("mkdir gone; cd gone; rmdir ../gone; deepcuts ingest . ", 1, None),
        ("mkdir gone; cd gone; rmdir ../gone; deepcuts status > /dev/null ", 0, ""),
    ],
)
def test_outputs_that_take_nothing(
    ingested: Library, tmp_path: Path, line: str, code: int, said: str | None
) -> None:
    ended, err = in_shell(ingested.home, f"cd '{tmp_path}'; {line}")
    assert ended == code, err
    if said is None:
        assert err == "deepcuts: the folder that it was started in is gone; change to another one\n"
    else:
        assert err == said


@pytest.mark.parametrize("limit_kb", [16_000, 20_000, 24_000, 30_000, 40_000, 60_000, 100_000])
def test_too_little_memory_is_one_line(ingested: Library, limit_kb: int) -> None:
    code, err = in_shell(ingested.home, f"ulimit -v {limit_kb}; deepcuts similar 1")
    assert (code, err.count("\n")) == (1, 1), err
    assert "memory" in err.lower()


def test_odd_names_in_a_plain_locale(ingested: Library, tmp_path: Path) -> None:
    copy = ingested.clone(tmp_path)
    odd = os.fsencode(copy.music) + b"/f\xf6lk \xe2\x99\xab.flac"
    shutil.copy(copy.music / "kappa.flac", odd)
    for variables in ({"LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}):
        code, err = in_shell(
            copy.home,
            f"deepcuts ingest '{copy.music}' -j 1 && deepcuts similar 1 -n 3 && deepcuts status",
            **variables,
        )
        assert not err
        assert code == 0
