"""The log of a home: private, and never in the way of what is logged."""

import os
from pathlib import Path

import pytest

from recommender import error_log


def test_it_is_its_owners_and_grows(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        assert error_log.note(tmp_path, "reading a.mp3", "Traceback: one") == tmp_path / "deepcuts.log"
        error_log.note(tmp_path, "reading b.mp3", "Traceback: two")
    finally:
        os.umask(before)
    path = error_log.log_path(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    written = path.read_text(encoding="utf-8")
    assert written.index("reading a.mp3") < written.index("Traceback: one") < written.index("reading b.mp3")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_log_that_cannot_be_written_is_no_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    error_log.log_path(tmp_path).symlink_to("/dev/full")
    assert error_log.note(tmp_path, "reading a.mp3", "Traceback: one") is None
    assert error_log.note(tmp_path / "gone", "reading a.mp3", "Traceback: one") is None
    assert capfd.readouterr() == ("", "")
