"""Whole files of every format, with tags of every kind, that the fuzzer damages."""

import base64
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from unittest import mock

import mutagen
import numpy as np
from mutagen import apev2, asf, flac, id3, mp4

from tests import synth
from tests.recommender import tag_files

SECONDS: Final = 3.6
SOUNDS: Final = (8, 23, 85, 88, 91, 105)
"""Seeds of `synth.music_like` whose genre the shipped bundle is sure of, so that it is written."""
PICTURE: Final = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 12
TEXTS: Final = {"title": "Título ☃", "artist": "Somebody", "album": "Them", "genre": "Dream Pop"}


def _rich_id3(tags: Any, version: int = 4) -> None:
    """Add frames of the kinds that have a structure of their own."""
    inner = {f"TIT2:{n}": id3.TIT2(encoding=3, text=f"Part {n}") for n in range(1)}
    for frame in (
        id3.TXXX(encoding=3, desc="FMPS_Playcount", text="3"),
        id3.TXXX(encoding=1, desc="MOOD", text=["Sad", "Calm"]),
        id3.TDRC(encoding=3, text="1999-03-01"),
        id3.TRCK(encoding=0, text="3/12"),
        id3.POPM(email="a@b", rating=99, count=7),
        id3.PCNT(count=4),
        id3.COMM(encoding=3, lang="eng", desc="", text="A comment"),
        id3.USLT(encoding=1, lang="eng", desc="", text="words " * 40),
        id3.SYLT(encoding=3, lang="eng", format=2, type=1, desc="", text=[("la", 100), ("lo", 900)]),
        id3.PRIV(owner="x", data=bytes(64)),
        id3.CTOC(element_id="toc", flags=3, child_element_ids=["c1", "c2"], sub_frames=[]),
        id3.CHAP(
            element_id="c1",
            start_time=0,
            end_time=9,
            start_offset=0,
            end_offset=9,
            sub_frames=list(inner.values()),
        ),
    ):
        tags.add(frame)
    for kind, desc in ((3, ""), (4, "back"), (3, "")):
        tags.add(id3.APIC(encoding=0, mime="image/png", type=kind, desc=desc, data=PICTURE))
    del version


def _tag(path: Path) -> None:
    """Give a file all its format has."""
    synth.tag(path, TEXTS)
    file = mutagen.File(path)
    if isinstance(file.tags, id3.ID3):
        _rich_id3(file.tags)
        file.save()
        return
    picture = flac.Picture()
    picture.type, picture.mime, picture.data = 3, "image/png", PICTURE
    if isinstance(file, flac.FLAC):
        file.add_picture(picture)
    elif isinstance(file, mp4.MP4):
        file.tags["covr"] = [mp4.MP4Cover(PICTURE, mp4.MP4Cover.FORMAT_PNG)]
        file.tags["trkn"] = [(3, 12)]
        file.tags["----:com.apple.iTunes:MOOD"] = [b"Sad", b"Calm"]
    elif isinstance(file, asf.ASF):
        described = b"\3" + len(PICTURE).to_bytes(4, "little") + "image/png\0\0".encode("utf-16-le")
        file.tags["WM/Picture"] = [asf.ASFByteArrayAttribute(described + PICTURE)]
        file.tags["WM/TrackNumber"] = ["3"]
        file.tags.append(("Author", asf.ASFUnicodeAttribute("Another", language=0, stream=0)))
    elif isinstance(file.tags, apev2.APEv2):
        file.tags["Cover Art (Front)"] = apev2.APEValue(b"a.png\0" + PICTURE, apev2.BINARY)
        file.tags["Track"] = "3/12"
    else:
        file.tags["metadata_block_picture"] = [base64.b64encode(picture.write()).decode()]
        file.tags["tracknumber"] = ["3"]
    file.save()


def _encoded(codec: str, container: str) -> Callable[[Path, Any], Path]:
    def write(path: Path, samples: Any) -> Path:
        with mock.patch.dict(synth.FFMPEG, {path.suffix: (codec, container)}):
            return synth.encode(path, samples)

    return write


def _ape(path: Path, _samples: Any) -> Path:
    shutil.copyfile(tag_files.APE, path)
    return path


def _old_mp3(version: int) -> Callable[[Path, Any], Path]:
    def write(path: Path, samples: Any) -> Path:
        synth.write(path, samples)
        if version == 2:
            frames = (("TT2", b"\0Old"), ("TCO", b"\0(26)"), ("PIC", b"\0PNG\3\0" + PICTURE))
            body = b"".join(n.encode() + len(d).to_bytes(3, "big") + d for n, d in frames)
            size = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
            path.write_bytes(b"ID3\2\0\0" + size + body + path.read_bytes())
            return path
        tags = id3.ID3()
        _rich_id3(tags)
        tags.save(path, v2_version=3, v1=2)
        apev2.APEv2().save(path)
        return path

    return write


def _stereo(samples: Any) -> Any:
    return np.stack([samples, samples[::-1]], axis=1)


KINDS: Final[dict[str, tuple[str, Callable[[Path, Any], Path], bool]]] = {
    **{extension[1:]: (extension, synth.write, False) for extension in synth.EXTENSIONS},
    **{
        f"{extension[1:]} tagged": (extension, synth.write, True)
        for extension in synth.EXTENSIONS
        if extension != ".aac"
    },
    "ape": (".ape", _ape, False),
    "ape tagged": (".ape", _ape, True),
    "flac in ogg": (".oga", _encoded("flac", "ogg"), True),
    "alac": (".m4a", _encoded("alac", "ipod"), True),
    "old mp3": (".mp3", _old_mp3(2), False),
    "older mp3": (".mp3", _old_mp3(3), False),
    "stereo wav": (".wav", lambda path, samples: synth.write(path, _stereo(samples)), True),
}
"""Name: ending, what writes it, and whether it is tagged."""


def make(folder: Path) -> list[Path]:
    """Write a file of every kind; return them in an order that does not change."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number, (name, (extension, write, tagged)) in enumerate(KINDS.items()):
        sound = synth.music_like(SECONDS, SOUNDS[number % len(SOUNDS)])
        path = write(folder / f"{name}{extension}", sound)
        if tagged:
            _tag(path)
        made.append(path)
    return made
