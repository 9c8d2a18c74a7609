"""A library of 230 tracks and a server's copy of it, in which other people moved, renamed and retagged."""

import functools
import shutil
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

import soundfile

from tests import synth
from tests.conftest import SHARED
from tests.recommender.support import Library, counts, ingest

SECONDS = 4.0
TRACKS = 230
PER_ALBUM = 10
ENDINGS = (".flac", ".mp3", ".ogg")


@dataclass(frozen=True)
class Planted:
    """A track here and a song there.

    Attributes
    ----------
    here, there
        Paths in the library and in the server's copy; empty where there is none.
    tags, tags_there
        Their tags; None for the same there.
    how
        By what it is to be matched.
    """

    here: str
    there: str
    tags: dict[str, str] = field(default_factory=dict)
    tags_there: dict[str, str] | None = None
    how: str = "path"
    sound: int = 0


def tags(title: str, artist: str, album: str, number: int = 1) -> dict[str, str]:
    """Return tags as taggers write them."""
    return {"title": title, "artist": artist, "album": album, "tracknumber": str(number)}


def _plain(number: int) -> Planted:
    """Return a track of an ordinary album, which lies at the same path there."""
    album, ending = number // PER_ALBUM, ENDINGS[number % len(ENDINGS)]
    path = f"Artist {album}/Album {album}/{number % PER_ALBUM + 1:02} Song {number}{ending}"
    said = tags(f"Song {number}", f"Artist {album}", f"Album {album}", number % PER_ALBUM + 1)
    return Planted(path, path, said)


def _moved(number: int) -> Planted:
    """Return one that lies in other folders there, under another name."""
    said = tags(f"Moved Away {number}", "The Movers", "Boxes", number)
    return Planted(
        f"The Movers/Boxes/{number:02}.flac", f"sorted/m/{number} - gone elsewhere.flac", said, how="names"
    )


def nfd(text: str) -> str:
    """Return a text with its accents as characters of their own."""
    return unicodedata.normalize("NFD", text)


TRAPS = (
    # The same title by two artists, elsewhere there.
    Planted("Both/One/01 Hello.flac", "x/a.flac", tags("Hello", "Adele", "25"), how="names"),
    Planted("Both/Two/01 Hello.flac", "x/b.flac", tags("Hello", "Lionel Richie", "Slow"), how="names"),
    # A remaster beside what it is of.
    Planted("Re/Old/01 Money.flac", "y/a.flac", tags("Money", "Pink Floyd", "The Dark Side"), how="names"),
    Planted(
        "Re/New/01 Money.flac",
        "y/b.flac",
        tags("Money (2011 Remaster)", "Pink Floyd", "The Dark Side"),
        how="names",
    ),
    # Accents in two forms: in names of files, and in tags.
    Planted("Björk/Début/01 Vénus.flac", nfd("Björk/Début/01 Vénus.flac"), tags("Vénus", "Björk", "Début")),
    Planted(
        "Björk/Post/02 Íslensk.flac",
        "z/a.flac",
        tags("Íslensk vögguvísa", "Björk", "Post"),
        tags(nfd("Íslensk vögguvísa"), nfd("Björk"), nfd("Post")),
        how="names",
    ),
    # No tags there, or none here, but the path.
    Planted("Bare/Nothing/03 Untagged.flac", "Bare/Nothing/03 Untagged.flac", tags("Untagged", "B", "N"), {}),
    Planted("Bare/Here/04 Silent.flac", "Bare/Here/04 Silent.flac", {}, tags("Silent", "S", "T")),
    # No tags and no path: nobody can tell.
    Planted("Bare/Lost/01 Lost Song.flac", "q/7.flac", tags("Lost Song", "L", "O"), {}, how="unmatched"),
    # Written otherwise.
    Planted(
        "AC/DC/01 Thunder.flac",
        "w/a.flac",
        tags("Thunder & Lightning", "The Storm", "Sky"),
        tags("Thunder and lightning (feat. Rain)", "STORM", "sky"),
        how="names",
    ),
    # Twice here with nothing to tell them apart.
    Planted(
        "Twice/Here/01 Again.flac",
        "v/a.flac",
        tags("Again", "Twins", "A"),
        tags("Again", "Twins", ""),
        how="doubtful",
    ),
    Planted("Twice/There/01 Again.flac", "", tags("Again", "Twins", "B")),
    # Another song at the path's end, and one that is only there.
    Planted("", "Else/01 Nowhere.flac", {}, tags("Nowhere Here", "Nobody", "None"), how="unmatched"),
)  # fmt: skip
MOVED = tuple(_moved(number) for number in range(1, 9))
EXPECTED = tuple(
    [_plain(number) for number in range(TRACKS - len(MOVED) - sum(bool(t.here) for t in TRAPS))]
    + [*MOVED, *TRAPS]
)


@functools.cache
def _clips() -> list[Path]:
    return sorted((SHARED / "data" / "gtzan60").rglob("*.flac"))


def write_sound(path: Path, number: int, said: dict[str, str], seconds: float = SECONDS) -> None:
    """Write some seconds of a real clip, or of an instrument that there is none like, with tags."""
    path.parent.mkdir(parents=True, exist_ok=True)
    clips = _clips()
    if clips:
        clip = clips[number % len(clips)]
        rate = soundfile.info(clip).samplerate
        start = round((number // len(clips)) * 3.5 * rate)
        samples, _ = soundfile.read(clip, round(seconds * rate), start, dtype="float32")
        synth.write(path, samples, rate, tags={k: v for k, v in said.items() if v})
    else:
        synth.write(path, synth.music_like(seconds, number), tags={k: v for k, v in said.items() if v})


def write_both(folder: Path) -> tuple[Path, Path]:
    """Write the library and the server's copy; a song of both has the same sound."""
    here, there = folder / "music", folder / "there"
    for number, one in enumerate(EXPECTED):
        if one.here:
            write_sound(here / one.here, number, one.tags)
        if not one.there:
            continue
        (there / one.there).parent.mkdir(parents=True, exist_ok=True)
        if one.here and one.tags_there is None:
            shutil.copyfile(here / one.here, there / one.there)
        else:
            write_sound(there / one.there, number, one.tags if one.tags_there is None else one.tags_there)
    return here, there


def library_of(folder: Path) -> tuple[Library, Path]:
    """Return the library, ingested, and the folder of the server's copy."""
    here, there = write_both(folder)
    library = Library(here, folder / "home")
    assert counts(ingest(library.home, here)) == {"found": TRACKS, "analysed": TRACKS}
    return library, there
