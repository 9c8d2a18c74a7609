"""What a process that encodes does beside encoding: it gives way, and is not stopped while it goes on."""

import os

import pytest

from recommender import params
from recommender.service.decoding import encode_process
from recommender.service.decoding.encode_process import PROGRESS, SOON, going_on


def test_it_gives_way_once_a_song_has_begun_and_may_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[str, int]] = []
    monkeypatch.setattr(os, "nice", lambda more: said.append(("nice", more)))
    monkeypatch.setattr(encode_process, "allow_seconds", lambda seconds: said.append(("seconds", seconds)))
    block = bytes(SOON // 2)
    blocks = going_on(block for _ in range(3 * PROGRESS // len(block)))
    assert [next(blocks), next(blocks)] == [block, block]
    assert said == [("nice", encode_process.NICE)]
    assert sum(map(len, blocks)) == 3 * PROGRESS - SOON
    assert said[1:] == [("seconds", params.ANALYSIS_CPU_S)] * 3
