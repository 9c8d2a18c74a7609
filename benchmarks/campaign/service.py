"""A running service that files are sent to."""

import http.client
import json
import os
import re
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from benchmarks.campaign import commands

TIMEOUT_S: Final = 300.0
SLOW: Final = 504
"""The answer to a file that takes longer than an upload may: a bound that held, not a fault."""


class Service:
    """``deepcuts serve`` on a home of some songs, until the block ends.

    Parameters
    ----------
    home
        Is made.
    songs
        Are ingested.
    """

    def __init__(self, home: Path, songs: Sequence[Path]) -> None:
        self._home, self._songs = home, songs

    def __enter__(self) -> Self:
        folder = self._songs[0].parent
        ran = commands.deepcuts(self._home, "ingest", folder, "--json")
        if ran.code != 0:
            raise RuntimeError(f"the songs cannot be ingested: {ran.err or ran.out.decode()[-500:]}")
        words = [*commands.CLI, "--home", str(self._home), "serve", "--port", "0"]
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(words, stderr=subprocess.PIPE, env=commands.environment())
        first = self._process.stderr.readline().decode() if self._process.stderr else ""
        found = re.search(r"http://([^:]+):(\d+)", first)
        if found is None:
            raise RuntimeError(f"the service does not start: {first}")
        self._address = found[1], int(found[2])
        self._pump = subprocess.Popen(["cat"], stdin=self._process.stderr, stdout=self._log)
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(30)
        finally:
            self._process.kill()
            self._process.wait()
            if self._process.stderr is not None:
                self._process.stderr.close()
            self._pump.wait(10)
            self._log.close()

    def similar(self, path: Path) -> str | None:
        """Send a file; return which promise the answer breaks, or None."""
        mark = uuid.uuid4().hex
        # The name may be no UTF-8, and holds no quotes.
        head = b'--%s\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n' % (
            mark.encode(),
            os.fsencode(path.name),
        )
        body = head + path.read_bytes() + b"\r\n--%s--\r\n" % mark.encode()
        connection = http.client.HTTPConnection(*self._address, timeout=TIMEOUT_S)
        try:
            kind = {"Content-Type": f"multipart/form-data; boundary={mark}"}
            connection.request("POST", "/api/similar", body, kind)
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException) as error:
            return f"the service did not answer: {error!r}"
        finally:
            connection.close()
        if answer.status >= 500 and answer.status != SLOW:
            return f"the service answered {answer.status}: {said[:300].decode('utf-8', 'replace')}"
        try:
            json.loads(said)
        except ValueError:
            return f"the service answered no JSON: {said[:200]!r}"
        return None

    def troubles(self) -> list[str]:
        """Return what the service has broken as a whole."""
        found = []
        if self._process.poll() is not None:
            found.append(f"it ended with {self._process.returncode}")
        self._log.seek(0)
        said = self._log.read().decode("utf-8", "replace")
        if "Traceback" in said or "Exception ignored" in said:
            place = max(said.find("Traceback"), said.find("Exception ignored"))
            found.append(f"a traceback: {said[max(0, place - 200) : place + 1500]}")
        return found
