"""Nothing is told to anybody: ONNX Runtime neither reports nor marks the machine."""

import ast
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPO

HEARING = (
    "from classifier.model import bundle, inference; inference.Trunk(bundle.load(bundle.SHIPPED), threads=1)"
)


def test_a_machine_on_which_a_network_ran_has_no_mark_of_it(tmp_path: Path) -> None:
    silencing = ("CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "XDG_CACHE_HOME")
    kept = {name: value for name, value in os.environ.items() if name not in silencing}
    subprocess.run([sys.executable, "-c", HEARING], cwd=REPO, env={**kept, "HOME": str(tmp_path)}, check=True)
    assert list(tmp_path.rglob("*")) == []


def test_nobody_else_imports_it() -> None:
    importing = {
        str(file.relative_to(REPO))
        for package in ("classifier", "recommender", "db", "beetsplug")
        for file in (REPO / package).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Import) and any(name.name.startswith("onnxruntime") for name in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("onnxruntime"))
    }
    assert importing == {"classifier/model/runtime.py"}
