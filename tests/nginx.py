"""nginx, as its own user and in the foreground, before services of a test."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
"""The program; None where it is not installed."""
CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/errors;
events {{}}
http {{
    access_log {folder}/accesses;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {sites}
}}
"""


@contextmanager
def nginx(folder: Path, shipped: str, sites: str = "") -> Iterator["subprocess.Popen[bytes]"]:
    """Run nginx until the block ends; whoever calls waits until it answers.

    Parameters
    ----------
    folder
        For its files.
    shipped
        What one of deploy/'s files says, made right for the test; it is there as `deepcuts.conf`.
    sites
        What nginx is to serve, where that is more than what `shipped` says.
    """
    assert NGINX is not None
    (folder / "deepcuts.conf").write_text(shipped)
    sites = sites or f"include {folder}/deepcuts.conf;"
    (folder / "nginx.conf").write_text(CONFIGURATION.format(folder=folder, sites=sites))
    command = [NGINX, "-p", str(folder), "-e", str(folder / "errors"), "-c", str(folder / "nginx.conf")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)
