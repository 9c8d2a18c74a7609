"""Runs the commands of the user guide, and writes what they print into it: python benchmarks/guide_output.py.

Every block of docs/guide that is marked ``console`` is a session: lines that begin with "$ " are run, page
after page in the order of the guide's contents, in a folder with a copy of the demo's catalogue and a home of
its own, on a terminal of 80 columns; the other lines are replaced by what came. "console lines=9" keeps the
first nine lines of each output, and "…" for the rest. Then the pictures of terminals are drawn.
"""

import fcntl
import io
import os
import pty
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path
from typing import Final

import common
from rich.console import Console
from rich.text import Text

GUIDE: Final = common.ROOT / "docs" / "guide"
BLOCK: Final = re.compile(r"(?<=^```console)(?P<info>[^\n]*)\n(?P<text>.*?)(?=^```$)", re.M | re.S)
LINK: Final = re.compile(r"\]\(([\w-]+)\.md\)")
ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
UP: Final = "\x1b[1A"
WIPED: Final = re.compile(r"(?:\r|\x1b\[\?25[hl]|\x1b\[2K|\x1b\[1A)+")
"""How a line of progress is taken away: up to it, and all of it wiped."""
COLUMNS: Final = 80
PLAYS: Final = """path,plays,last_played
demo/catalog/metal/Muldjord - Armygeddon.ogg,41,2026-10-02
demo/catalog/metal/Muldjord - Mutilated Mime.ogg,17,2026-09-14
demo/catalog/trance/DJ Sjors - Adventure.mp3,29,2026-10-30
demo/catalog/folk/Krobonil - West.mp3,12,2026-08-21
"""

TERMINALS: Final = {
    "terminal-similar.svg": "deepcuts similar coast -n 4",
}
FONTS: Final = re.compile(r"\s*@font-face \{.*?\}", re.S)


def main() -> None:
    """Fill in all pages."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for page in pages():
            text = page.read_text(encoding="utf-8")
            filled = BLOCK.sub(lambda found: f"{found['info']}\n{world.session(found)}", text)
            page.write_text(filled, encoding="utf-8")
            print(f"{page.name}: {len(BLOCK.findall(text))} sessions")
        for name, command in TERMINALS.items():
            draw(GUIDE / name, command, world.run(command))


def pages() -> list[Path]:
    """Return the guide's pages in the order of its contents."""
    names = LINK.findall((GUIDE / "README.md").read_text(encoding="utf-8"))
    return [GUIDE / f"{name}.md" for name in dict.fromkeys(names)]


class World:
    """A folder with the demo's catalogue, in which commands are run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        shutil.copytree(common.ROOT / "demo", folder / "demo")
        (folder / "plays.csv").write_text(PLAYS, encoding="utf-8")
        program = folder / "bin" / "deepcuts"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {common.ROOT / "cli.py"} "$@"\n')
        program.chmod(0o755)
        self._environment = {
            **os.environ,
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(common.ROOT),
            "DEEPCUTS_HOME": str(self.home),
            "COLUMNS": str(COLUMNS),
            "TERM": "xterm-256color",
        }

    def session(self, found: re.Match[str]) -> str:
        """Return a session's text with the output of its commands."""
        most = re.search(r"lines=(\d+)", found["info"])
        return "".join(
            f"$ {command}\n{self._shown(command, int(most[1]) if most else None)}"
            for command in commands_of(found["text"])
        )

    def _shown(self, command: str, most: int | None) -> str:
        lines = plain(self.run(command)).splitlines()
        if most is not None and len(lines) > most:
            lines = [*lines[:most], "…"]
        return "".join(f"{line.rstrip()}\n" for line in lines).replace(str(self.folder), "/home/me")

    def run(self, command: str) -> str:
        """Return what a command writes on a terminal, colours and all."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
        with subprocess.Popen(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        ) as process:
            os.close(theirs)
            written = b""
            try:
                while some := os.read(ours, 65536):
                    written += some
            except OSError:
                pass  # Linux's way of saying that nobody writes any more
        os.close(ours)
        if process.returncode not in (0, 3):
            raise SystemExit(f"{command}: exit code {process.returncode}\n{written.decode()}")
        return written.decode().replace("\r\n", "\n")


def draw(file: Path, command: str, written: str) -> None:
    """Draw a terminal with a command and what it wrote; in a font of the reader's, since none is fetched."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(f"$ {command}\n{written.rstrip()}"))
    drawn = FONTS.sub("", console.export_svg(title="deepcuts", unique_id="terminal"))
    file.write_text(drawn, encoding="utf-8")
    print(f"{file.name}: {file.stat().st_size:,} bytes")


def commands_of(session: str) -> list[str]:
    """Return the commands of a session; a backslash at a line's end goes on with the next."""
    lines = session.replace("\\\n", "\\\0").splitlines()
    return [line[2:].replace("\\\0", "\\\n") for line in lines if line.startswith("$ ")]


def words_of(command: str) -> list[str]:
    """Return the words of a command as the shell has them."""
    return shlex.split(command.replace("\\\n", " "), comments=True)


def plain(written: str) -> str:
    """Return what a terminal still shows at the end: no colours, and no progress that was wiped."""
    lines: list[str] = []
    for line in written.split("\n"):
        wiped = WIPED.match(line)
        if wiped is not None:
            del lines[len(lines) - wiped[0].count(UP) :]
        lines.append(ESCAPES.sub("", re.split(r"\r(?=.)|\x1b\[2K", line)[-1]))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
