"""The one door to what is read of files' tags: all that a file has, within the limits of `classifier.params`.

In order of precedence, which is that of most players: what belongs to the format (comments of FLAC and Ogg,
atoms of MP4, attributes of ASF, APEv2 items of Monkey's Audio, WavPack and Musepack, the ID3 tag in a chunk
of WAV and AIFF, then the words in other chunks), ID3v2 before the audio, APEv2 behind it, ID3v1 at the end.
"""

import errno
import io
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import mutagen
from mutagen.apev2 import APEv2, APEv2File
from mutagen.asf import ASF
from mutagen.flac import FLAC
from mutagen.id3 import ID3, Frames, Frames_2_2
from mutagen.id3._id3v1 import find_id3v1
from mutagen.mp4 import MP4, MP4Tags
from mutagen.mp4._atom import Atom, AtomError, Atoms
from mutagen.ogg import OggFileType

from classifier.audio.tag_free_file import HEADER_SIZE, tag_size
from classifier.errors import LimitError
from recommender.file_tags.chunks import words
from recommender.file_tags.content import OTHERS, Content, content_of
from recommender.file_tags.limits.budget import Budget, File, MeteredFile
from recommender.file_tags.limits.walk import (
    BOX,
    META,
    check_ape,
    check_asf,
    check_flac,
    check_mp4,
    check_ogg,
    is_bare,
)
from recommender.file_tags.limits.walk_id3 import check_id3
from recommender.file_tags.other_words import other_words
from recommender.file_tags.stored_tags import APE, ASF_ATTRIBUTES, ID3V1, MP4_ATOMS, VORBIS, WORDS

UNREADABLE: Final = (
    *(mutagen.MutagenError, struct.error, OSError, ValueError, LookupError, EOFError, TypeError),
    *(AttributeError, AssertionError, ArithmeticError, RuntimeError, AtomError),
)
"""What a reader of tags raises where they are damaged."""
DAMAGE: Final = (None, errno.EINVAL)
"""What the system says where a damaged file makes a reader ask for an offset before its start."""
OF_ID3V1: Final = ("TIT2", "TPE1", "TALB", "TDRC", "TYER", "COMM", "TRCK", "TCON")
"""Frames that an ID3v1 tag is read as."""


def system_error(error: Exception) -> OSError | None:
    """Return what the system refused, where that is why tags cannot be read; None where they are damaged."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop()
        if not isinstance(cause, BaseException) or cause in seen:
            continue
        if isinstance(cause, OSError) and cause.errno not in DAMAGE:
            return cause
        seen.append(cause)
        waiting += [*cause.args, cause.__context__, cause.__cause__]  # mutagen wraps the system's errors
    return None


class KnownFrames(dict[str, Any]):
    """Frames of ID3 tags that are to be read; others are kept as they are, and not looked into.

    mutagen asks this for what it knows, to tell how sizes are written: all that it knows otherwise.
    """

    def __init__(self, *names: str) -> None:
        known = Frames | Frames_2_2
        super().__init__({name: known[name] for name in (*OF_ID3V1, *names)})

    def __contains__(self, name: object) -> bool:
        return name in Frames or name in Frames_2_2


class TagSystem(NamedTuple):
    """One of the tags of a file.

    Attributes
    ----------
    kind
        One of `stored_tags`; of ID3v2 its version.
    tags
        As mutagen has it, frames of ID3 not translated into those of a newer version; texts by name for the
        words in chunks.
    pictures
        Those of FLAC, which are no tags.
    """

    kind: str
    tags: Any
    pictures: tuple[Any, ...] = ()


def content_at(path: Path) -> Content:
    """Return what a file is by its content.

    Raises
    ------
    *UNREADABLE
        If it cannot be read.
    """
    with MeteredFile(path) as file:
        return content_of(file)


def open_tags(path: Path, frames: KnownFrames | None = None) -> list[TagSystem]:
    """Return all tags of a file, the one that takes precedence first; those that are damaged are none.

    Parameters
    ----------
    path
        The file.
    frames
        The frames to be read of ID3 tags; all without it.

    Raises
    ------
    LimitError
        If they exceed a limit, all together.
    OSError
        If the file cannot be read.
    """
    budget = Budget()
    found: list[TagSystem] = []
    with MeteredFile(path) as file:
        for read in _readers(file, frames):
            file.again()
            try:
                found += read(budget)
            except LimitError:
                raise
            except UNREADABLE as error:
                if file.exceeded is not None:
                    raise file.exceeded from None
                failed = system_error(error)
                if failed is not None:
                    raise failed from None
    return found


def check_tags(path: Path) -> None:
    """Make sure that a file may be given to a demuxer, which takes in its tags without any limit.

    Raises
    ------
    LimitError
        If its tags exceed a limit; what else is wrong with the file, or them, others tell.
    """
    with suppress(OSError):
        open_tags(path, KnownFrames())


Reader = Callable[[Budget], Iterator[TagSystem]]


def _readers(file: MeteredFile, frames: KnownFrames | None) -> list[Reader]:
    """Return what reads the tags of a file, in order of precedence."""
    try:
        content = content_of(file)
    except UNREADABLE as error:
        failed = system_error(error)
        if failed is not None:
            raise failed from None
        return []
    own = [partial(_own, file, content, frames)]
    fronts: list[Reader] = [partial(_id3_at, file, offset, frames) for offset in content.fronts]
    items: list[Reader] = [partial(_items, file)]
    of_items = content.kind is not None and issubclass(content.kind, APEv2File)
    return [*own, *(items + fronts if of_items else fronts + items), partial(_id3v1, file, frames)]


def _own(
    file: MeteredFile, content: Content, frames: KnownFrames | None, budget: Budget
) -> Iterator[TagSystem]:
    """Yield the tags that belong to a file's format."""
    part, kind = file.part(content.start), content.kind
    if content.chunks:
        read = other_words if content.chunks in OTHERS.values() else words
        offsets, texts = read(part, content.chunks, budget)
        for offset in offsets:
            file.again()
            yield from _id3_at(file, content.start + offset, frames, budget)
        if texts:
            yield TagSystem(WORDS, texts)
    elif kind is None:
        return
    elif issubclass(kind, FLAC):
        yield from _checked(file, content, budget, check_flac, FLAC, VORBIS)
    elif issubclass(kind, OggFileType):
        yield from _checked(file, content, budget, check_ogg, _without_length(kind), VORBIS)
    elif issubclass(kind, MP4):
        yield from _checked(file, content, budget, check_mp4, _TopAtoms, MP4_ATOMS)
    elif issubclass(kind, ASF):
        yield from _checked(file, content, budget, check_asf, ASF, ASF_ATTRIBUTES)


def _checked(
    file: MeteredFile,
    content: Content,
    budget: Budget,
    check: Callable[[File, Budget], None],
    reader: Any,
    kind: str,
) -> Iterator[TagSystem]:
    """Yield what a reader finds in a file, once it has been counted."""
    check(file.part(content.start), budget)
    read = reader(file.part(content.start))
    pictures = tuple(read.pictures) if isinstance(read, FLAC) else ()
    if read.tags is not None or pictures:
        yield TagSystem(kind, [] if read.tags is None else read.tags, pictures)


def _id3_at(
    file: MeteredFile, offset: int, frames: KnownFrames | None, budget: Budget
) -> Iterator[TagSystem]:
    """Yield the ID3v2 tag that begins somewhere."""
    check_id3(file, offset, budget)
    file.again()
    file.seek(offset)
    size = tag_size(file.read(HEADER_SIZE))
    if size:
        file.seek(offset)
        read = ID3(io.BytesIO(file.read(size)), known_frames=frames, translate=False, load_v1=False)
        yield TagSystem(f"ID3v2.{read.version[1]}", read)


def _items(file: MeteredFile, budget: Budget) -> Iterator[TagSystem]:
    """Yield the APEv2 tag of a file; as a rule behind the audio."""
    check_ape(file, budget)
    file.again()
    with suppress(mutagen.apev2.APENoHeaderError):
        yield TagSystem(APE, APEv2(file))


def _id3v1(file: MeteredFile, frames: KnownFrames | None, budget: Budget) -> Iterator[TagSystem]:
    """Yield the ID3v1 tag of a file, as frames of ID3v2.4."""
    found, _ = find_id3v1(file, 4, frames)
    if found:
        budget.fields(len(found))
        yield TagSystem(ID3V1, found)


class _TopAtoms(Atoms):  # type: ignore[misc]
    """The atoms of an MP4 file, up to what is none, and their tags; whatever its audio is."""

    def __init__(self, file: File) -> None:
        self.atoms = []
        while file.tell() + 8 <= file.size:
            try:
                self.atoms.append(Atom(file))
            except AtomError:
                if not any(atom.name == b"moov" for atom in self.atoms):
                    raise
                break
        self._read_bare(file)
        self.tags = MP4Tags(self, file) if MP4Tags._can_load(self) else None

    def _read_bare(self, file: File) -> None:
        """Read the atoms in one of metadata as QuickTime has it, which mutagen takes for something else."""
        with suppress(KeyError):
            meta = self.path(b"moov", b"udta", META)[-1]
            file.seek(meta.offset + BOX)
            if is_bare(file):
                meta.children = []
                while file.tell() < meta.offset + meta.length:
                    meta.children.append(Atom(file, 3))


def _without_length(kind: Any) -> Any:
    """Return a kind that does not look for the end of the audio: in some Ogg files page by page."""
    info = type(kind._Info.__name__, (kind._Info,), {"_post_tags": lambda _self, _file: None})
    return type(kind.__name__, (kind,), {"_Info": info})
