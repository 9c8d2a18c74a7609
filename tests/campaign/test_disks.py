"""A short form of the campaign's full disks."""

from pathlib import Path

import pytest

from benchmarks.campaign import disks

COUNT = 4


@pytest.mark.skipif(disks.missing() is not None, reason=str(disks.missing()))
def test_full_disks_lose_nothing(tmp_path: Path) -> None:
    tally = disks.run(tmp_path, 5, COUNT)
    assert tally.failed == []
    assert tally.tried == COUNT
