"""A process that splits itself for each task."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import HTTPException

from recommender.service.decoding.blocks import Blocks
from recommender.service.decoding.fork_server import ForkServer
from recommender.service.decoding.process import Limits
from tests.processes import alive
from tests.recommender.service.decoding import processes
from tests.waiting import until

LIMITS = Limits(2**30, 1, 60.0)


@pytest.fixture
def forks() -> Iterator[ForkServer]:
    server = ForkServer(processes.does, processes.prepares, LIMITS)
    yield server
    server.close()


def said(forks: ForkServer, what: str, **more: str) -> bytes:
    blocks = Blocks(forks.start({"what": what, **more}))
    try:
        return blocks.read()
    finally:
        blocks.close()


def test_each_task_has_a_process_and_what_was_prepared(forks: ForkServer) -> None:
    first, second = said(forks, "number"), said(forks, "number")
    assert first != second
    assert said(forks, "prepared") == b"yes"


def test_a_crash_ends_one_task_alone(forks: ForkServer, tmp_path: Path) -> None:
    number = said(forks, "parent")
    for what in ("crash", "spin"):
        with pytest.raises(HTTPException, match="the decoder crashed on it"):
            said(forks, what)
    assert said(forks, "parent") == number
    with pytest.raises(HTTPException, match="the decoder crashed on it"):
        said(forks, "memory")
    with pytest.raises(HTTPException, match="the decoder crashed on it"):
        said(forks, "write", path=str(tmp_path / "x"))
    assert said(forks, "parent") == number


def test_it_is_started_again_where_it_was_killed(forks: ForkServer) -> None:
    number = int(said(forks, "parent"))
    os.kill(number, signal.SIGKILL)
    until(lambda: not alive([number]))
    assert int(said(forks, "parent")) != number


def test_nothing_is_left_once_it_is_closed(forks: ForkServer) -> None:
    blocks = Blocks(forks.start({"what": "endless"}))
    number = int(blocks.read())
    forks.close()
    blocks.close()
    until(lambda: not Path(f"/proc/{number}").exists())
    with pytest.raises(HTTPException, match="cannot be decoded now"):
        forks.start({"what": "number"})
