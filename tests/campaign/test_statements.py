"""A short form of the campaign's kills at single statements."""

from pathlib import Path

from benchmarks.campaign import statements

COUNT = 36


def test_what_is_cut_off_at_a_statement_opens_again(tmp_path: Path) -> None:
    tally = statements.run(tmp_path, 7, COUNT)
    assert (tally.tried, tally.failed) == (COUNT, [])
