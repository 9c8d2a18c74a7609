"""A file of every kind whose tags can be written, with a tag and without, and other programs to read them."""

import shutil
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import av
import mutagen
import numpy as np
from mutagen import id3
from mutagen.apev2 import APEv2

from tests import synth
from tests.conftest import REPO

APE = REPO / "tests/data/tone.ape"
SECONDS = 3.2
TITLE, ARTIST, GENRE = "Título ☃", "Somebody", "Dream Pop"
TAGS = {"title": TITLE, "artist": ARTIST, "genre": GENRE}


def samples(seed: int = 3) -> synth.Samples:
    return synth.music_like(SECONDS, seed)


def _flac_in_ogg(path: Path) -> None:
    with mock.patch.dict(synth.FFMPEG, {".oga": ("flac", "ogg")}):
        synth.encode(path, samples())


def _mp3_23(path: Path) -> None:
    """A tag of the older version, with what only that has, and text in several encodings."""
    synth.write(path, samples())
    tags = id3.ID3()
    for frame in (
        id3.TIT2(encoding=1, text=TITLE),
        id3.TPE1(encoding=0, text=["One", "Two"]),
        id3.TYER(encoding=0, text="1999"),
        id3.TCON(encoding=1, text=GENRE),
        id3.TXXX(encoding=0, desc="mood", text="angry"),
        id3.APIC(encoding=0, mime="image/png", type=3, desc="", data=bytes(range(256)) * 3),
    ):
        tags.add(frame)
    tags.save(path, v2_version=3, v23_sep=None)


def _mp3_22(path: Path) -> None:
    """A tag of the version before that, as iTunes wrote them once: three letters, no room behind it."""
    synth.write(path, samples())
    frames = (("TT2", b"\1\xff\xfe" + TITLE.encode("utf-16-le") + b"\0\0"), ("TCO", b"\0(26)\0"))
    body = b"".join(name.encode() + len(data).to_bytes(3, "big") + data for name, data in frames)
    path.write_bytes(b"ID3\2\0\0\0\0\0" + bytes([len(body)]) + body + path.read_bytes())


def _mp3_v1(path: Path) -> None:
    """A tag of the oldest version alone, behind the audio."""
    synth.write(path, samples())
    tags = id3.ID3()
    tags.add(id3.TIT2(encoding=0, text="Old Title"))
    tags.add(id3.TPE1(encoding=0, text=ARTIST))
    tags.add(id3.TCON(encoding=0, text="Ska"))
    tags.save(path, v1=2)
    id3.delete(path, delete_v1=False)


def _mp3_both(path: Path) -> None:
    synth.write(path, samples(), tags=TAGS)
    tags = id3.ID3(path)
    tags.save(path, v1=2)
    data = path.read_bytes()
    path.write_bytes(data[:-128])
    _ape_tag(path, {"REPLAYGAIN_TRACK_GAIN": "-1.5 dB"})  # before the ID3v1 tag, as mp3gain does
    path.write_bytes(path.read_bytes() + data[-128:])


def _wav_with_info(path: Path) -> None:
    synth.write(path, samples(), tags=TAGS)
    data = path.read_bytes()
    info = b"INFOIGNR" + struct.pack("<I", 4) + b"Ska\0"
    data += b"LIST" + struct.pack("<I", len(info)) + info
    path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])


def _wma_twice(path: Path) -> None:
    """As FFmpeg tags them: the artist in two objects of the header."""
    plain = synth.write(path.with_name("source.wma"), samples())
    with av.open(str(plain)) as source, av.open(str(path), "w", format="asf") as made:
        made.metadata.update({"title": TITLE, "artist": ARTIST, "genre": GENRE})
        stream = made.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.size:
                packet.stream = stream
                made.mux(packet)
    plain.unlink()


def _ape(path: Path) -> None:
    shutil.copyfile(APE, path)


def _ape_tagged(path: Path) -> None:
    shutil.copyfile(APE, path)
    _ape_tag(path, {"Title": TITLE, "Genre": [GENRE, "Ambient"], "ISRC": "X"})


def _ape_tag(path: Path, values: dict[str, Any]) -> None:
    tags = APEv2()
    tags.update(values)
    tags.save(path)


def _plain(path: Path) -> None:
    synth.write(path, samples())


def _tagged(path: Path) -> None:
    synth.write(path, samples(), tags=TAGS)


def _ape_v1(path: Path) -> None:
    _ape_tagged(path)
    v1 = path.with_name("v1.mp3")
    _mp3_v1(v1)
    path.write_bytes(path.read_bytes() + v1.read_bytes()[-128:])
    v1.unlink()


MAKERS: dict[str, Callable[[Path], None]] = {
    **{f"plain{extension}": _plain for extension in synth.EXTENSIONS},
    **{f"tagged{extension}": _tagged for extension in synth.EXTENSIONS if extension != ".aac"},
    "plain.ape": _ape,
    "tagged.ape": _ape_tagged,
    "v1.ape": _ape_v1,
    "flac in ogg.oga": _flac_in_ogg,
    "v2.3.mp3": _mp3_23,
    "v2.2.mp3": _mp3_22,
    "v1.mp3": _mp3_v1,
    "v2.4 and others.mp3": _mp3_both,
    "info.wav": _wav_with_info,
    "ffmpeg.wma": _wma_twice,
}
"""Every kind of file, by name."""


def make(folder: Path, name: str) -> Path:
    """Make one of them."""
    path = folder / name
    path.write_bytes(_bytes_of(name))
    return path


@cache
def _bytes_of(name: str) -> bytes:
    """Return one of them; encoded once a session."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        MAKERS[name](path)
        return path.read_bytes()


def decoded(path: Path) -> Any:
    """Return the samples of a file as FFmpeg decodes them, (channels, n) or interleaved (1, n)."""
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def ffmpeg_tags(path: Path) -> dict[str, str]:
    """Return what FFmpeg's library reads of a file's tags, by names in lower case."""
    with av.open(str(path)) as container:
        found = dict(container.metadata) | dict(container.streams.audio[0].metadata)
    return {name.lower(): value for name, value in found.items()}


def mutagen_tags(path: Path) -> Any:
    """Return the tags that mutagen reads, as its users do; for raw AAC they ask for the ID3 tag."""
    if path.suffix != ".aac":
        return mutagen.File(path).tags
    return id3.ID3(path) if path.read_bytes().startswith(b"ID3") else None


def mutagen_genres(path: Path) -> list[str]:
    """Return the genres that mutagen reads, as its users do."""
    tags = mutagen_tags(path)
    values: dict[str, Any] = {"TCON": [], "\xa9gen": [], "WM/Genre": [], "genre": []}
    for key, value in tags.items():
        if key in values or key.lower() == "genre":
            values[key] = value.text if hasattr(value, "text") else value
    found = [str(text) for several in values.values() for text in several]
    return list(dict.fromkeys(found)) if hasattr(tags, "vendor") else found
