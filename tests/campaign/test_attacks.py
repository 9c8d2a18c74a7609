"""The campaign of attacks on the service, in short."""

import shutil
from pathlib import Path

import pytest

from benchmarks.campaign import attacks

COUNT = 50


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="prlimit is not installed")
def test_attacks(tmp_path: Path) -> None:
    tally = attacks.run(tmp_path, seed=7, count=COUNT)
    assert tally.failed == []
    assert tally.tried == COUNT


def test_every_kind_has_its_share() -> None:
    for count in (18, 90, 1000, 2000):
        shares = attacks._shares(count)
        assert sum(shares.values()) == count and min(shares.values()) >= 1
    assert sum(attacks._shares(5).values()) == 5
    assert sum(attacks._shares(None).values()) >= 1000
