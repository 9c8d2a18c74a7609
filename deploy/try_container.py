"""Runs the Containerfile's steps without a container, as root, in a Debian of its own; then what it would do.

``python deploy/try_container.py ROOT``: `in_debian.sh` makes ROOT where it is not there yet. The demo's
recordings are the music; the entry serves and follows them until it knows them all, answers with a user and a
password only, and ends when it is told to.
"""

import base64
import json
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
IN_DEBIAN = REPO / "deploy" / "in_debian.sh"
ADDRESS = "http://127.0.0.1:8450"
DEADLINE_S = 1800


def steps(text: str) -> Iterator[tuple[str, str]]:
    """Yield the instructions of a Containerfile, each with what stands behind it."""
    for line in text.splitlines():
        if line and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            yield word, rest


def script(text: str) -> tuple[str, list[str]]:
    """Return the steps as a shell's, and the words that the container is started with."""
    lines, command = ["set -eux"], []
    variables: list[str] = []
    user = "root"
    for word, rest in steps(text):
        if word == "RUN":
            lines.append(f"({rest})")
        elif word == "COPY":
            *sources, target = rest.split()
            lines.append(f"mkdir -p {target}")
            lines += [f"cp -r {'-T ' if len(sources) == 1 else ''}/tree/{one} {target}" for one in sources]
        elif word == "ENV":
            variables += shlex.split(rest)
        elif word == "USER":
            user = rest
        elif word == "ENTRYPOINT":
            identity = ["--reuid", user, "--regid", user, "--clear-groups"]
            command = ["setpriv", *identity, "env", "HOME=/data", *variables, *json.loads(rest)]
        elif word not in ("FROM", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK"):
            raise ValueError(f"the Containerfile has a step that this does not know: {word}")
    return "\n".join(lines), command


def ask(path: str, password: str | None) -> tuple[int, bytes]:
    """Return the status and the body of an answer; 0 where nothing answers."""
    request = urllib.request.Request(ADDRESS + path)
    if password is not None:
        request.add_header("Authorization", "Basic " + base64.b64encode(f"me:{password}".encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def run_it(root: Path, suite: str, command: list[str]) -> None:
    """Start what the container starts, wait until it has heard all songs, and end it."""
    shutil.copytree(REPO / "demo" / "catalog", root / "music", dirs_exist_ok=True)
    password = root / "run" / "secrets" / "password"
    password.parent.mkdir(parents=True, exist_ok=True)
    password.write_text("a long word\n")
    (root / "run" / "secrets").chmod(0o755)
    password.chmod(0o644)
    extra = ["DEEPCUTS_USER=me", "DEEPCUTS_WATCH=/music"]
    at = command.index("env") + 1
    words = [*command[:at], *extra, *command[at:]]
    begun = time.monotonic()
    process = subprocess.Popen([IN_DEBIAN, suite, root, *words])
    songs = 0
    while songs < 32:
        if process.poll() is not None or time.monotonic() - begun > DEADLINE_S:
            raise RuntimeError(f"the entry ended with {process.poll()}, or knows only {songs} songs")
        time.sleep(1)
        status, body = ask("/api/status", "a long word")
        songs = json.loads(body).get("analysed", 0) if status == 200 else 0
    print(f"{songs} songs known after {time.monotonic() - begun:.0f} s")
    print(
        "without a password:",
        ask("/api/status", None)[0],
        "with a wrong one:",
        ask("/api/status", "wrong")[0],
    )
    print("health:", ask("/health", None)[0])
    end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Tell the entry, which is the process in the root that has no other above it but ours, to end."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    subprocess.run(["kill", f"-{signal.SIGTERM.value}", *children], check=True)
    print("ended with:", process.wait(120))


def main(root: Path) -> None:
    """Do both."""
    text = (REPO / "deploy" / "Containerfile").read_text(encoding="utf-8")
    suite = (
        next(rest for word, rest in steps(text) if word == "FROM")
        .removeprefix("debian:")
        .removesuffix("-slim")
    )
    setup, command = script(text)
    if not (root / "opt" / "deepcuts" / "bin" / "deepcuts").exists():
        subprocess.run([IN_DEBIAN, suite, root, "sh", "-c", setup], check=True)
    run_it(root, suite, command)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
