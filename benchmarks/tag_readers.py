"""Hold the tags that are read against ffprobe's, and write and take back genres, over any files.

    python benchmarks/tag_readers.py make FOLDER        # some two hundred files, with the programs there are
    python benchmarks/tag_readers.py compare FOLDER...  # the fields that ffprobe reads otherwise; how many
    python benchmarks/tag_readers.py undo FOLDER...     # write and undo on copies; fails on any loss

`make` asks ffmpeg, sox, flac, lame and wavpack, each with the tags that it writes itself, and mutagen for
tags of other kinds on the same audio. `compare` reads title, artist, album, genre, year and track. `undo`
works on copies in a temporary folder: without --overwrite no person's genre may change; with it, the audio
must be the same, other tags must keep their bytes, and after the undo each tag must hold what it held, byte
for byte. What `tag --write` would refuse, since the audio or the tags of its copy are not as they should be,
counts as refused.
"""

import argparse
import itertools
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import common  # noqa: F401 - modules are compiled
from mutagen import id3
from mutagen.apev2 import APEv2

from classifier.audio.audio_hash import audio_hash
from classifier.audio.tag_free_file import tag_size
from classifier.errors import LimitError
from recommender.errors import TagError
from recommender.file_tags import formats
from recommender.file_tags.open_file import open_tags
from recommender.file_tags.read import FileTags, read_tags
from recommender.file_tags.snapshots import describe, take_back
from recommender.file_tags.stored_tags import APE, ID3V1, StoredTags, same, touched
from recommender.tagging.file_plan import TagOptions, plan_file
from tests import synth

SECONDS = 3.5
WANTS = {"genre": {"Rock": 0.9, "Indie Rock": 0.6}, "mood": {"Sad": 0.7}}
FIELDS = ("title", "artist", "album", "genre", "year", "track")
WORDS: dict[str, dict[str, str]] = {
    "full": {
        "title": "Song",
        "artist": "Someone",
        "album": "Record",
        "genre": "Jazz",
        "date": "1999",
        "track": "7",
    },
    "wide": {
        "title": "Título ☃ Ωмега",
        "artist": "Sigur Rós",
        "album": "Ágætis",
        "genre": "Zydeco",
        "date": "2001-05-03",
        "track": "3/12",
    },
    "few": {"title": "Only a title"},
    "own": {"title": "T", "artist": "A", "genre": "My Own Genre", "track": "11"},
}
FFMPEG = (
    *(
        "mp3",
        "flac",
        "ogg",
        "opus",
        "m4a",
        "wav",
        "aiff",
        "wma",
        "wv",
        "tta",
        "mka",
        "webm",
        "caf",
        "au",
        "mp2",
        "w64",
    ),
)


def ran(*command: object) -> bool:
    """Run a program; whether it is there, and did what it should."""
    if shutil.which(str(command[0])) is None:
        return False
    return subprocess.run([str(part) for part in command], capture_output=True, check=False).returncode == 0


def make(folder: Path) -> int:
    """Make the files; return how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    source = synth.write(folder / "source.wav", synth.music_like(SECONDS, 3), 22_050)
    for name, words in WORDS.items():
        by_ffmpeg(folder, source, name, words)
        by_others(folder, source, name, words)
        by_mutagen(folder, name, words)
    source.unlink()
    return sum(1 for _ in folder.iterdir())


def by_ffmpeg(folder: Path, source: Path, name: str, words: dict[str, str]) -> None:
    """Make what FFmpeg writes."""
    said = [part for key, value in words.items() for part in ("-metadata", f"{key}={value}")]
    rate = {"opus": 48_000, "webm": 48_000}
    for extension in FFMPEG:
        options = ["-ar", rate.get(extension, 22_050), *said]
        ran("ffmpeg", "-y", "-i", source, *options, folder / f"ffmpeg-{name}.{extension}")
    for version, v1 in itertools.product((3, 4), (0, 1)):
        options = ["-id3v2_version", version, "-write_id3v1", v1, *said]
        ran("ffmpeg", "-y", "-i", source, *options, folder / f"ffmpeg-{name}-{version}-{v1}.mp3")
    ran("ffmpeg", "-y", "-i", source, *said, "-write_id3v2", 1, folder / f"ffmpeg-{name}-id3.aiff")
    ran("ffmpeg", "-y", "-i", source, *said, "-write_id3v2", 1, "-f", "adts", folder / f"ffmpeg-{name}.aac")
    ran("ffmpeg", "-y", "-i", source, *said, "-rf64", "always", folder / f"ffmpeg-{name}-rf64.wav")
    ran("ffmpeg", "-y", "-i", source, *said, "-c:a", "flac", folder / f"ffmpeg-{name}-flac.oga")
    ran("ffmpeg", "-y", "-i", source, *said, "-c:a", "flac", "-f", "ogg", folder / f"ffmpeg-{name}-flac.mp3")
    ran("ffmpeg", "-y", "-i", source, *said, "-write_apetag", 1, folder / f"ffmpeg-{name}-ape.mp3")


def by_others(folder: Path, source: Path, name: str, words: dict[str, str]) -> None:
    """Make what sox, flac, lame and wavpack write."""
    comments = [f"{key.upper()}={value}" for key, value in words.items()]
    for extension in ("flac", "ogg", "wav", "aiff", "mp3", "au", "caf", "w64"):
        said = [part for text in comments for part in ("--add-comment", text)]
        ran("sox", source, *said, folder / f"sox-{name}.{extension}")
    tags = [f"--tag={text.replace('TRACK=', 'TRACKNUMBER=')}" for text in comments]
    ran("flac", "-f", "-s", *tags, source, "-o", folder / f"flac-{name}.flac")
    ran("flac", "-f", "-s", "--ogg", *tags, source, "-o", folder / f"flac-{name}.oga")
    short = {
        "title": "--tt",
        "artist": "--ta",
        "album": "--tl",
        "genre": "--tg",
        "date": "--ty",
        "track": "--tn",
    }
    said = [
        part for key, value in words.items() for part in (short[key], value[:4] if key == "date" else value)
    ]
    for kind in (
        (),
        ("--id3v1-only",),
        ("--id3v2-only",),
        ("--add-id3v2",),
        ("--id3v2-only", "--id3v2-utf16"),
    ):
        ran("lame", "--quiet", *kind, *said, source, folder / f"lame-{name}{''.join(kind)}.mp3")
    ran("lame", "--quiet", "--freeformat", "-b", 200, *said, source, folder / f"lame-{name}-free.mp3")
    names = {"date": "Year"}
    said = [part for key, value in words.items() for part in ("-w", f"{names.get(key, key.title())}={value}")]
    ran("wavpack", "-y", "-q", *said, source, "-o", folder / f"wavpack-{name}.wv")


def by_mutagen(folder: Path, name: str, words: dict[str, str]) -> None:
    """Put tags of other kinds on the audio that the others made."""
    frames = {
        "title": id3.TIT2,
        "artist": id3.TPE1,
        "album": id3.TALB,
        "genre": id3.TCON,
        "date": id3.TDRC,
        "track": id3.TRCK,
    }
    for extension, base in (("mp3", "mp3"), ("flac", "flac"), ("aac", "aac"), ("tta", "tta"), ("wv", "wv")):
        plain = folder / f"ffmpeg-few.{base}"
        if not plain.exists():
            continue
        for version, encoding in ((3, 0), (3, 1), (4, 1), (4, 3)):
            path = folder / f"mutagen-{name}-{version}-{encoding}.{extension}"
            shutil.copyfile(plain, path)
            tags = id3.ID3()
            for key, value in words.items():
                fits = encoding or value.isascii()
                tags.add(frames[key](encoding=encoding if fits else 1, text=value))
            if version == 3:
                tags.update_to_v23()
            tags.save(path, v2_version=version, v1=2 if extension == "mp3" and encoding == 1 else 0)
        path = folder / f"mutagen-{name}-items.{extension}"
        shutil.copyfile(plain, path)
        items = APEv2()
        items.update({{"date": "Year"}.get(key, key.title()): value for key, value in words.items()})
        items.save(path)


def said_by_ffprobe(path: Path) -> dict[str, str] | None:
    """Return what ffprobe says of the fields; None where it cannot open the file."""
    command = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", str(path)]
    done = subprocess.run(command, capture_output=True, check=False)
    try:
        found = json.loads(done.stdout)
        tags = [found["format"].get("tags", {})]
    except (ValueError, KeyError):
        return None
    tags += [s.get("tags", {}) for s in found.get("streams", ()) if s.get("codec_type") == "audio"]
    said = {key.lower(): value for some in reversed(tags) for key, value in some.items()}
    year = re.search("[0-9]{4}", said.get("date", said.get("year", "")))
    track = re.search("[0-9]+", said.get("track", said.get("tracknumber", "")))
    return {
        **{name: said.get(name, "").strip() for name in ("title", "artist", "album", "genre")},
        "year": year[0] if year else "",
        "track": str(int(track[0])) if track else "",
    }


def said_here(tags: FileTags) -> dict[str, str]:
    """Return what is read here of the same fields."""
    return {
        **{name: getattr(tags, name) for name in ("title", "artist", "album")},
        "genre": "; ".join(tags.genres),
        "year": "" if tags.year is None else str(tags.year),
        "track": "" if tags.track_number is None else str(tags.track_number),
    }


def files_of(folders: list[Path]) -> list[Path]:
    """Return the files below some folders."""
    return sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())


def compare(folders: list[Path]) -> None:
    """Print the fields that are read otherwise than by ffprobe."""
    numbers: Counter[str] = Counter()
    for path in files_of(folders):
        theirs = said_by_ffprobe(path)
        try:
            ours = said_here(read_tags(path))
        except LimitError as error:
            print(f"{path.name}: {error}")
            numbers["beyond a limit"] += 1
            continue
        numbers["files"] += 1
        if theirs is None:
            numbers["not opened by ffprobe"] += 1
            if any(ours.values()):
                numbers["not opened by ffprobe, tags read here"] += 1
            continue
        different = [name for name in FIELDS if ours[name] != theirs[name]]
        numbers["the same" if not different else "different"] += 1
        for name in different:
            kind = "only here" if not theirs[name] else "only ffprobe" if not ours[name] else "otherwise"
            numbers[f"field {kind}"] += 1
            print(f"{path.name}: {name} {kind}: {ours[name]!r:.60} here, {theirs[name]!r:.60} by ffprobe")
    print(json.dumps(numbers, indent=1))


def others_of(path: Path, written: StoredTags) -> list[tuple[str, bytes]]:
    """Return the bytes of the tags of a file that are not the one that is written."""
    data, found = path.read_bytes(), []
    size = tag_size(data[:10])
    if size and not written.kind.startswith("ID3"):
        found.append(("ID3v2", data[:size]))
    if data[-128:-125] == b"TAG" and data[-131:-123] != b"APETAGEX":
        found.append((ID3V1, data[-128:]))
    if written.kind != APE and (start := data.rfind(b"APETAGEX")) >= 0 and data.count(b"APETAGEX") <= 2:
        found.append((APE, data[data.find(b"APETAGEX") : start + 32]))
    return found


def undo(folders: list[Path]) -> bool:
    """Write and take back on copies; return whether nothing was lost."""
    numbers: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as temporary:
        for path in files_of(folders):
            copy = Path(temporary) / path.name
            shutil.copyfile(path, copy)
            try:
                told = there_and_back(copy)
            except TagError as error:
                told = f"refused: {error}"
            numbers[told.split(":")[0]] += 1
            if told not in ("back, the same file", "back, padding differs"):
                print(f"{path.name}: {told}")
            copy.unlink()
    print(json.dumps(numbers, indent=1))
    return not any(name.startswith("LOST") for name in numbers)


def there_and_back(path: Path) -> str:
    """Write into a file and take it back; say what became of it."""
    whole, sound, before = path.read_bytes(), audio_hash(path), formats.load(path)
    tags, others = read_tags(path), others_of(path, before)
    careful = plan_file(before, WANTS, {}, TagOptions())
    persons = [genre for system in open_tags(path) for genre in genres_of(system.tags)]
    if persons and any(change.field == "genre" for change in careful.changes):
        return f"LOST a person's genre: {persons}"
    after = plan_file(before, WANTS, {}, TagOptions(overwrite=True)).after
    formats.save(path, after)
    now = read_tags(path)
    if not same(formats.load(path), after) or sound is None or audio_hash(path) != sound:
        return "refused: its audio or its tags would not be as they should"
    if now.genres != list(WANTS["genre"]):
        return f"LOST: genres {now.genres}"
    for name in ("title", "artist", "album", "year", "track_number", "album_artist", "plays"):
        if getattr(now, name) != getattr(tags, name):
            return f"LOST {name}: {getattr(tags, name)!r} is {getattr(now, name)!r}"
    keys = touched(before, after)
    if others_of(path, before) != others:
        return "LOST another tag: by the write"
    back, left = take_back(formats.load(path), [(describe(before, keys), describe(after, keys))])
    formats.save(path, back)
    if left or not same(formats.load(path), before):
        return f"LOST: the undo left {left}"
    if audio_hash(path) != sound or others_of(path, before) != others:
        return "LOST audio or another tag: by the undo"
    return "back, the same file" if path.read_bytes() == whole else "back, padding differs"


def genres_of(tags: Any) -> Iterator[str]:
    """Yield the genres that a tag names, whatever they are called there."""
    pairs = tags if isinstance(tags, list) else tags.items()
    for name, value in pairs:
        if str(name).lower() in ("genre", "tcon", "tco", "\xa9gen", "wm/genre", "ignr"):
            texts = getattr(value, "genres", value if isinstance(value, list) else [value])
            yield from (str(text) for text in texts if str(text).strip())


def main() -> None:
    """Run one of the three."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=("make", "compare", "undo"))
    parser.add_argument("folder", type=Path, nargs="+")
    arguments = parser.parse_args()
    actions: dict[str, Callable[[], Any]] = {
        "make": lambda: print(f"{make(arguments.folder[0])} files"),
        "compare": lambda: compare(arguments.folder),
        "undo": lambda: sys.exit(0 if undo(arguments.folder) else 1),
    }
    actions[arguments.action]()


if __name__ == "__main__":
    main()
