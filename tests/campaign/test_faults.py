"""A short form of the campaign's faults."""

from pathlib import Path

import pytest

from benchmarks.campaign import faults
from benchmarks.campaign.shim import missing
from benchmarks.campaign.undisturbed import BY_NAME

COUNT = 5


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_calls_that_fail_lose_nothing(tmp_path: Path) -> None:
    tally = faults.run(tmp_path, 5, COUNT)
    assert tally.failed == []
    assert tally.tried == COUNT


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_calls_on_the_home_and_the_music_are_counted(tmp_path: Path) -> None:
    """That no fault passes because none was made."""
    counts = faults.Faults(tmp_path).counts(BY_NAME["ingest"], ("write", "sync"))
    assert counts["write"] > 100
    assert counts["sync"] > 5
