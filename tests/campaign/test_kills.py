"""A short form of the campaign's kills."""

from pathlib import Path

from benchmarks.campaign import kills

COUNT = 11


def test_what_is_ended_by_force_is_whole_and_goes_on(tmp_path: Path) -> None:
    tally = kills.run(tmp_path, 3, COUNT)
    assert (tally.tried, tally.failed) == (COUNT, [])
