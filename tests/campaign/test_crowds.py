"""A short form of the campaign's crowds."""

from pathlib import Path

from benchmarks.campaign import crowds

COUNT = 8


def test_eight_processes_open_one_catalogue_at_once(tmp_path: Path) -> None:
    tally = crowds.run(tmp_path, 7, COUNT)
    assert (tally.tried, tally.failed) == (COUNT, [])
