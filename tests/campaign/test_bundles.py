"""The campaign of bundles from strangers, in short."""

import random
from pathlib import Path

from benchmarks.campaign import bundles
from benchmarks.campaign.hostile_bundles import REFUSED, TAKEN, hostile

COUNT = 7


def test_bundles(tmp_path: Path) -> None:
    tally = bundles.run(tmp_path, seed=4, count=COUNT)
    assert tally.failed == []
    assert tally.tried == COUNT


def test_the_full_campaign_is_large(tmp_path: Path) -> None:
    every = hostile(tmp_path / "canary", random.Random(1))
    assert len(every) >= 200
    assert sum(one.wanted == REFUSED for one in every) >= 200
    assert sum(one.wanted == TAKEN for one in every) >= 5
    assert len({one.name for one in every}) > 0.95 * len(every)
