"""MPD of Debian as a real player: without sound, on a folder and a port of its own."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import mpd
import pytest

from tests.recommender.connections.remotes.supysonic import STARTED_S, free_port


@dataclass
class Mpd:
    """A player: its folder, its port, and the process that runs, if any."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"mpd://127.0.0.1:{self.port}"

    @contextmanager
    def client(self) -> Iterator[mpd.MPDClient]:
        """Give another client, connected until the end."""
        made = mpd.MPDClient()
        made.timeout = STARTED_S
        made.connect("127.0.0.1", self.port)
        try:
            yield made
        finally:
            made.disconnect()

    def start(self) -> None:
        """Start it, and wait until it answers and knows its music."""
        with open(self.folder / "out", "ab") as out:
            self.process = subprocess.Popen(
                ["mpd", "--no-daemon", str(self.folder / "mpd.conf")], stdout=out, stderr=out
            )
        deadline = time.monotonic() + STARTED_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, (self.folder / "out").read_text()
            try:
                with self.client() as client:
                    if "updating_db" not in client.status():
                        return
            except OSError:
                pass
            time.sleep(0.1)
        raise AssertionError("it does not answer")

    def stop(self) -> None:
        """End it by force."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def playing(folder: Path, music: Path) -> Iterator[Mpd]:
    """Run a player of music; skip where there is none."""
    if shutil.which("mpd") is None:
        pytest.skip("needs mpd (Debian: mpd)")
    (folder / "playlists").mkdir(parents=True)
    made = Mpd(folder, free_port())
    (folder / "mpd.conf").write_text(
        f'music_directory "{music}"\nplaylist_directory "{folder / "playlists"}"\n'
        f'db_file "{folder / "database"}"\nsticker_file "{folder / "stickers"}"\n'
        f'log_file "{folder / "log"}"\n'
        f'bind_to_address "127.0.0.1"\nport "{made.port}"\nzeroconf_enabled "no"\nauto_update "no"\n'
        'audio_output {\n  type "null"\n  name "silence"\n}\n'
    )
    try:
        made.start()
        with made.client() as client:
            client.update()
            while "updating_db" in client.status():
                time.sleep(0.1)
        yield made
    finally:
        made.stop()
