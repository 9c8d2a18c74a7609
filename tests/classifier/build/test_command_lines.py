"""The steps that make what is shipped are commands, as their docstrings say."""

import runpy
import sys

import pytest


@pytest.mark.parametrize(
    ("step", "arguments"),
    [
        ("convert_trunk", "wheel out"),
        ("train_shipped", "trunk data out"),
        ("pools", "out NAME=FEATURES.npz [NAME=FEATURES.npz ...]"),
        ("song_features", "out folders [folders ...]"),
    ],
)
def test_a_step_says_what_it_takes(
    step: str, arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [f"{step}.py", "--help"])
    monkeypatch.delitem(sys.modules, f"classifier.build.{step}", raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"classifier.build.{step}", run_name="__main__")
    assert ended.value.code == 0
    usage = capsys.readouterr().out.partition("\n\n")[0]
    assert " ".join(usage.split()) == f"usage: {step}.py [-h] {arguments}"
