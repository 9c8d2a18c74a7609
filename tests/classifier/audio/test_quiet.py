"""What native libraries write while they are kept quiet is lost; what anybody writes afterwards is not."""

import os

import pytest

from classifier.audio.quiet import quiet_stderr


def test_only_what_is_written_meanwhile_is_lost(capfd: pytest.CaptureFixture[str]) -> None:
    os.write(2, b"before\n")
    with pytest.raises(ValueError, match="of ours"), quiet_stderr():
        os.write(2, b"of a library\n")
        raise ValueError("of ours")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "before\nafter\n"
