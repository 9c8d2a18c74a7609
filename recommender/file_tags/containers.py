"""Vorbis comments, APEv2 items and MP4 atoms, each one as it is stored."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mutagen.apev2 import APENoHeaderError, APEv2, APEValue, _APEv2Data
from mutagen.flac import FLAC
from mutagen.mp4 import MP4, MP4Tags

from classifier.audio.tag_free_file import ID3V1_SIZE, has_id3v1
from classifier.files import open_regular
from recommender.errors import TagError
from recommender.file_tags.stored_tags import APE, MP4_ATOMS, VORBIS, StoredTags, TagEntry

FREEFORM: Final = "----"


class Comments:
    """The comments of FLAC, and of anything in Ogg."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    def load(self, path: Path) -> StoredTags:
        """See `formats.load`."""
        tags = self._kind(path).tags
        if tags is None:
            return StoredTags(VORBIS, False, ())
        if not hasattr(tags, "vendor"):
            raise TagError("its format is not one whose tags can be written")
        # What mutagen cannot read, it leaves out or replaces; then the sizes differ.
        if tags._size not in (written := len(tags.write(framing=False)), written + 1):
            raise TagError("some of its comments are damaged, and would not stay as they are")
        entries = (TagEntry(name.upper(), f"{name}={value}".encode()) for name, value in tags)
        return StoredTags(VORBIS, True, tuple(entries))

    def save(self, path: Path, tags: StoredTags) -> None:
        """See `formats.save`."""
        file = self._kind(path)
        if not tags.present and isinstance(file, FLAC):
            if file.tags is not None:
                file.metadata_blocks.remove(file.tags)
                file.tags = None
        else:
            if file.tags is None:
                file.add_tags()
            pairs = (entry.data.decode().partition("=") for entry in tags.entries)
            file.tags[:] = [(name, value) for name, _, value in pairs]
        file.save()


class Ape:
    """The items at the end of Monkey's Audio, WavPack and Musepack files; an ID3v1 tag behind them stays."""

    def load(self, path: Path) -> StoredTags:
        """See `formats.load`."""
        try:
            tags = APEv2(path)
        except APENoHeaderError:  # or there is one that holds nothing
            with open_regular(path) as file:
                return StoredTags(APE, _APEv2Data(file).metadata is not None, ())
        entries = (
            TagEntry(name.lower(), bytes((value.kind,)) + name.encode() + b"\0" + value._write())
            for name, value in tags.items()
        )
        return StoredTags(APE, True, tuple(sorted(entries)))  # mutagen sorts them, too

    def save(self, path: Path, tags: StoredTags) -> None:
        """See `formats.save`."""
        old = _cut_id3v1(path)
        new = APEv2()
        for entry in tags.entries:
            name, _, value = entry.data[1:].partition(b"\0")
            kind = entry.data[0]
            new[name.decode()] = APEValue(value if kind == 1 else value.decode(), kind)
        if tags.present:
            new.save(path)
        else:
            new.delete(path)
        if old:
            with open(path, "ab") as file:
                file.write(old)


def _cut_id3v1(path: Path) -> bytes:
    """Take away an ID3v1 tag, which mutagen would delete, or leave in the middle, and return it."""
    with open(path, "r+b") as file:
        if not has_id3v1(file):
            return b""
        start = file.seek(-ID3V1_SIZE, os.SEEK_END)
        tail = file.read()
        file.truncate(start)
        return tail


class _Pairs(list[tuple[str, list[bytes]]]):
    """What mutagen keeps of the atoms that it does not understand: here all of them, in their order."""

    def items(self) -> Iterator[tuple[str, list[bytes]]]:
        """Yield names and contents."""
        return iter(self)


class _RawAtoms(MP4Tags):  # type: ignore[misc]
    def load(self, atoms: Any, file: Any) -> None:
        """Keep every atom as it is."""
        super().load(atoms, file)  # finds the padding, and whether all is well
        self.clear()
        self._failed_atoms = _Pairs()
        for atom in atoms.path(b"moov", b"udta", b"meta", b"ilst")[-1].children:
            whole, data = atom.read(file)
            if not whole:
                raise TagError("its tag is cut off")
            self._failed_atoms.append((atom.name.decode("latin-1"), [data]))


class _RawFile(MP4):  # type: ignore[misc]
    MP4Tags = _RawAtoms


class Atoms:
    """The items of an MP4 file."""

    def load(self, path: Path) -> StoredTags:
        """See `formats.load`."""
        tags = _RawFile(path).tags
        if tags is None:
            return StoredTags(MP4_ATOMS, False, ())
        entries = (
            TagEntry(_atom_key(name, data), name.encode("latin-1") + data)
            for name, (data,) in tags._failed_atoms.items()
        )
        found = tuple(entries)
        return StoredTags(MP4_ATOMS, bool(found), found)  # an empty list of atoms is what stays of any

    def save(self, path: Path, tags: StoredTags) -> None:
        """See `formats.save`."""
        file = _RawFile(path)
        if file.tags is None:
            if not tags.present:
                return
            file.add_tags()
        pairs = ((entry.data[:4].decode("latin-1"), [entry.data[4:]]) for entry in tags.entries)
        file.tags._failed_atoms = _Pairs(pairs)
        file.save()


def _atom_key(name: str, data: bytes) -> str:
    """Return an atom's name; of a free one with whose it is and, in capitals, what its own name is."""
    if name != FREEFORM or len(data) < 24:
        return name
    size = int.from_bytes(data[:4], "big")
    end = size + int.from_bytes(data[size : size + 4], "big")
    mean, own = data[12:size].decode("utf-8", "replace"), data[size + 12 : end].decode("utf-8", "replace")
    return f"{FREEFORM}:{mean}:{own.upper()}"
