"""What the benchmarks share: the command line as a process, and a record of the machine."""

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def cli(home: Path, *arguments: object) -> Any:
    """Run a command with ``--json`` and return what it printed; exit code 3 is not an error."""
    command = [sys.executable, str(ROOT / "cli.py"), "--home", str(home), *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):
        raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def machine() -> dict[str, Any]:
    """Return processor, cores, load and versions."""
    names = ("numpy", "onnxruntime", "faiss-cpu", "soundfile", "soxr", "av")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in names},
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the option that every benchmark has."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("-o", "--output", type=Path, help="also write the JSON here")
    return made


def report(answer: dict[str, Any], output: Path | None) -> None:
    """Print the figures as JSON, and write them where asked."""
    text = json.dumps(answer, indent=2)
    print(text)
    if output is not None:
        output.write_text(text + "\n", encoding="utf-8")
