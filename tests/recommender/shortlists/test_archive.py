"""Archives that are sent while they are made."""

import gc
import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from recommender.shortlists.archive import StreamedZip, left_out_text

FILES = {"01 Ünï.flac": b"a" * 70_000, "02 empty.flac": b"", "03.mp3": bytes(range(256)) * 999}


def made(files: dict[str, bytes]) -> bytes:
    archive = StreamedZip()
    parts = [archive.add(name, content) for name, content in files.items()]
    assert all(len(part) < len(content) + 500 for part, content in zip(parts, files.values(), strict=True))
    return b"".join([*parts, archive.close()])


def test_it_is_read_back() -> None:
    with zipfile.ZipFile(io.BytesIO(made(FILES))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == FILES
        assert list(archive.namelist()) == list(FILES)
        assert {info.external_attr >> 16 for info in archive.infolist()} == {0o644}
        # Sizes are before the content: readers that do not go back need them there.
        assert {info.flag_bits & 8 for info in archive.infolist()} == {0}


def test_an_empty_one_is_an_archive() -> None:
    with zipfile.ZipFile(io.BytesIO(made({}))) as archive:
        assert archive.namelist() == []


def test_another_program_reads_it(tmp_path: Path) -> None:
    program = shutil.which("unzip") or shutil.which("bsdtar")
    if program is None:
        pytest.skip("neither unzip nor bsdtar is installed")
    (tmp_path / "a.zip").write_bytes(made(FILES))
    options = ["-t"] if program.endswith("unzip") else ["-tf"]
    done = subprocess.run([program, *options, tmp_path / "a.zip"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_is_left_out_is_a_line_each() -> None:
    assert (
        left_out_text([("01 a", "gone"), ("02 ü", "not audio")]) == "01 a: gone\n02 ü: not audio\n".encode()
    )


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_one_that_is_given_up_makes_no_noise(capfd: pytest.CaptureFixture[str]) -> None:
    archive = StreamedZip()
    archive.add("a", b"a")
    del archive
    gc.collect()
    assert capfd.readouterr() == ("", "")
