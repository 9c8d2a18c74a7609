"""What runs deepcuts all the time: systemd's units, the Debian package, the container's entry and steps."""

import gzip
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import try_container
from deploy.manual import shell_files
from tests.conftest import REPO
from tests.deploy.test_manual import needed
from tests.waiting import until

DEPLOY = REPO / "deploy"
UNITS = (
    "deepcuts.service",
    "deepcuts-sync.service",
    "deepcuts-sync.timer",
    "deepcuts-watch@srv-music.service",
)


def verified(folder: Path) -> str:
    """Return what systemd says against the units of a folder; the program that they start is any."""
    done = subprocess.run(
        [needed("systemd-analyze"), "verify", "--man=no", *UNITS],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr if done.returncode or done.stderr else ""


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    for file in (*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")):
        name = file.name.replace("@", "@srv-music")
        assert name in UNITS
        (tmp_path / name).write_text(file.read_text().replace("/opt/deepcuts/bin/deepcuts", "/bin/true"))
    assert verified(tmp_path) == ""
    with (tmp_path / "deepcuts.service").open("a") as unit:
        unit.write("[Service]\nRestart=sometimes\n")
    assert "sometimes" in verified(tmp_path)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Debian package, of an environment that has nothing but what the package puts elsewhere."""
    needed("dpkg-deb")
    folder = tmp_path_factory.mktemp("package")
    prefix = folder / "opt"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "python").symlink_to(sys.executable)
    (prefix / "bin" / "deepcuts").write_text("#!/opt/deepcuts/bin/python\n")
    for name, text in shell_files("1.2.3").items():
        file = prefix / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    subprocess.run([DEPLOY / "deb" / "package.sh", prefix, folder], check=True, capture_output=True)
    (built,) = folder.glob("deepcuts_1.2.3_*.deb")
    subprocess.run(["dpkg-deb", "--raw-extract", built, folder / "raw"], check=True)
    return folder / "raw"


def test_the_package_depends_on_the_python_that_it_was_made_with(package: Path) -> None:
    control = (package / "DEBIAN" / "control").read_text()
    minor = sys.version_info.minor
    assert f"python3 (>= 3.{minor}), python3 (<< 3.{minor + 1})" in control
    assert "Version: 1.2.3\n" in control
    assert "@" not in re.sub(r"Maintainer: .*", "", control)


def test_the_package_puts_everything_where_debian_looks_for_it(package: Path) -> None:
    assert os.readlink(package / "usr/bin/deepcuts") == "/opt/deepcuts/bin/deepcuts"
    page = gzip.decompress((package / "usr/share/man/man1/deepcuts.1.gz").read_bytes()).decode()
    files = shell_files("1.2.3")
    assert page == files["share/man/man1/deepcuts.1"]
    for there, here in (
        ("bash-completion/completions/deepcuts", "bash-completion/completions/deepcuts"),
        ("zsh/vendor-completions/_deepcuts", "zsh/site-functions/_deepcuts"),
        ("fish/vendor_completions.d/deepcuts.fish", "fish/vendor_completions.d/deepcuts.fish"),
    ):
        assert (package / "usr/share" / there).read_text() == files[f"share/{here}"]
    units = {file.name for file in (package / "usr/lib/systemd/system").iterdir()}
    assert units == {name.replace("srv-music", "") for name in UNITS}
    licences = (package / "usr/share/doc/deepcuts/copyright").read_text()
    assert "MIT License" in licences
    assert "Permission to use, copy, modify, and/or distribute" in licences


def test_nothing_that_is_removed_touches_the_catalogue(package: Path) -> None:
    for name in ("postinst", "prerm", "postrm"):
        script = package / "DEBIAN" / name
        assert os.access(script, os.X_OK)
        subprocess.run(["sh", "-n", script], check=True)
        assert [line for line in script.read_text().splitlines() if re.search(r"\brm\b.*/var", line)] == []


def test_every_step_of_the_container_is_one_that_can_be_tried(tmp_path: Path) -> None:
    text = (DEPLOY / "Containerfile").read_text()
    setup, command = try_container.script(text)
    subprocess.run(["sh", "-n"], input=setup.encode(), check=True)
    sources = [word for line in setup.splitlines() for word in re.findall(r"/tree/(\S+)", line)]
    assert len(sources) > 10
    assert [name for name in sources if not (REPO / name).exists()] == []
    packages = {file.parent.name for file in REPO.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages | {"beetsplug", "setup.py", "docs", "deploy"} <= set(sources)
    assert command[-1] == "deepcuts-entry"
    assert "DEEPCUTS_HOME=/data" in command
    assert command[command.index("--reuid") + 1] == "deepcuts"


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A program in the place of deepcuts, which writes down how it is called and goes on until it is told."""
    program = tmp_path / "bin" / "deepcuts"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/bash\ntrap 'echo ended $1 >> {tmp_path}/log; exit 0' TERM\n"
        f'echo "$@" >> {tmp_path}/log\n'
        f"while ! [ -e {tmp_path}/stop-$1 ]; do /bin/sleep 0.05; done\nexit 7\n"
    )
    program.chmod(0o755)
    return tmp_path


def entry(folder: Path, *words: str, **variables: str) -> "subprocess.Popen[bytes]":
    """Start the container's entry with the program of a folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DEEPCUTS")}
    path = str(folder / "bin")  # a slim image has few programs: not `kill`, which bash has itself
    return subprocess.Popen([DEPLOY / "entry.sh", *words], env=kept | {"PATH": path} | variables)


def log(folder: Path) -> list[str]:
    """Return the lines that the programs wrote, sorted."""
    file = folder / "log"
    return sorted(file.read_text().splitlines()) if file.exists() else []


SERVE = "serve --host 0.0.0.0 --password-file /run/secrets/password"


def test_the_entry_follows_folders_beside_the_service_and_ends_both(stand_in: Path) -> None:
    process = entry(stand_in, DEEPCUTS_WATCH="/music:/more music")
    until(lambda: log(stand_in) == [SERVE, "watch --sync /music /more music"])
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert log(stand_in)[:2] == ["ended serve", "ended watch"]


@pytest.mark.parametrize(("first", "other"), [("watch", "serve"), ("serve", "watch")])
def test_where_one_ends_the_container_does_and_says_so(stand_in: Path, first: str, other: str) -> None:
    process = entry(stand_in, DEEPCUTS_WATCH="/music")
    until(lambda: len(log(stand_in)) == 2)
    (stand_in / f"stop-{first}").touch()
    assert process.wait(60) == 7
    assert log(stand_in)[0] == f"ended {other}"


def test_the_entry_serves_alone_or_does_what_it_is_told(stand_in: Path) -> None:
    serving = entry(stand_in, DEEPCUTS_PASSWORD_FILE="/secret")
    until(lambda: log(stand_in) == ["serve --host 0.0.0.0 --password-file /secret"])
    (stand_in / "stop-check").touch()
    assert entry(stand_in, "check", "--repair").wait(60) == 7
    assert "check --repair" in log(stand_in)
    serving.terminate()
    assert serving.wait(60) == 0


def test_scripts_are_ones_that_a_shell_reads() -> None:
    scripts = [*DEPLOY.glob("*.sh"), *(DEPLOY / "deb").glob("*.sh")]
    assert len(scripts) >= 6
    for script in scripts:
        assert os.access(script, os.X_OK), script
        shell = script.read_text().partition("\n")[0].removeprefix("#!")
        assert shutil.which(shell)
        subprocess.run([shell, "-n", script], check=True)
