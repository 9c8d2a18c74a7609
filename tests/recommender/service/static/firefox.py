"""Debian's Firefox without a window, by Marionette: what it speaks itself, so that no driver is needed."""

import base64
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
PREFERENCES = {
    "marionette.port": 0,  # any that is free; the profile's file says which
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "app.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "media.autoplay.default": 0,
    "ui.prefersReducedMotion": 1,
}
START_S = 60.0


class Firefox:
    """A page in Firefox.

    Parameters
    ----------
    port
        At which Marionette listens.
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), START_S)
        self._file = self._socket.makefile("rb")
        self._number = 0
        self._receive()  # what it is
        self.ask("WebDriver:NewSession", capabilities={"alwaysMatch": {"acceptInsecureCerts": True}})
        self.ask("WebDriver:SetTimeouts", script=60_000, pageLoad=60_000)

    def ask(self, command: str, **parameters: Any) -> Any:
        """Let it do something; return what it answers."""
        self._number += 1
        text = json.dumps([0, self._number, command, parameters]).encode()
        self._socket.sendall(str(len(text)).encode() + b":" + text)
        _, number, error, found = self._receive()
        assert number == self._number and error is None, error
        return found

    def _receive(self) -> Any:
        digits = b""
        while (one := self._file.read(1)) != b":":
            assert one, "Firefox has ended"
            digits += one
        return json.loads(self._file.read(int(digits)))

    def goto(self, url: str) -> None:
        """Open an address."""
        self.ask("WebDriver:Navigate", url=url)

    def evaluate(self, expression: str) -> Any:
        """Return what an expression is, once it is there."""
        script = (
            "const done = arguments[0];"
            f"(async () => ({expression}))()"
            ".then((value) => done({ value }), (error) => done({ error: String(error) }));"
        )
        found = self.ask("WebDriver:ExecuteAsyncScript", script=script, args=[])["value"]
        assert "error" not in found, found["error"]
        return found.get("value")

    def set_viewport_size(self, size: dict[str, int]) -> None:
        """Give the page's inside a size; a window may not be narrow, but what is in it may."""
        self.ask("WebDriver:SetWindowRect", width=size["width"] + 100, height=size["height"] + 200)
        self.ask("Marionette:SetContext", value="chrome")
        try:
            inside = (
                "Object.assign(gBrowser.selectedBrowser.style, { width: arguments[0], height: arguments[1] })"
            )
            options = "flex: 'none', minWidth: '0', minHeight: '0'"
            script = inside.replace("{ ", f"{{ {options}, ")
            pixels = [f"{size[side]}px" for side in ("width", "height")]
            self.ask("WebDriver:ExecuteScript", script=script, args=pixels)
        finally:
            self.ask("Marionette:SetContext", value="content")

    def wait_for_timeout(self, milliseconds: float) -> None:
        """Wait."""
        time.sleep(milliseconds / 1000)

    def screenshot(self, path: Path) -> None:
        """Write a picture of the whole page."""
        found = self.ask("WebDriver:TakeScreenshot", full=True, hash=False)["value"]
        path.write_bytes(base64.b64decode(found))

    def close(self) -> None:
        """End the connection."""
        self._file.close()
        self._socket.close()


@contextmanager
def new_firefox(profile: Path) -> Iterator[Firefox]:
    """Run Firefox with a new and empty profile until the block ends."""
    assert FIREFOX is not None
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines))
    command = [
        FIREFOX,
        "--headless",
        "--no-remote",
        "--marionette",
        "-remote-allow-system-access",
        "--profile",
        str(profile),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        page = Firefox(_port(profile / "MarionetteActivePort", process))
        yield page
        page.close()
    finally:
        process.terminate()
        try:
            process.wait(20)
        finally:
            process.kill()


def _port(file: Path, process: "subprocess.Popen[bytes]") -> int:
    end = time.monotonic() + START_S
    while not file.is_file() or not file.read_text().strip():
        assert process.poll() is None and time.monotonic() < end, "Firefox did not start"
        time.sleep(0.05)
    return int(file.read_text())
