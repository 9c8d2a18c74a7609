"""Tag a synthetic library, edit some files by hand, tag it again, take all back; files a second.

    python benchmarks/tagging.py [--tracks 500] [--edited 10] [--folder FOLDER]

Songs of three genres that a head can tell apart, short ones, in ten formats, half of them with a genre of
their own. A head is trained on others like them, so that few are unknown. It fails where a file that was
edited by hand is touched, where the encoded audio of any changes, where an ingest afterwards analyses
anything, or where, in the end, any genre is not as it was at first. Each command is a process of its own;
its whole time counts, start and all. `--folder` says where the files go: the disk decides, mostly.
"""

import random
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import common
import mutagen
import numpy as np

from classifier.audio.audio_hash import audio_hash
from recommender.file_tags.read import read_tags
from tests import synth
from tests.conftest import REPO

SECONDS = 5.0
TRAINED_ON = 20
FORMATS = (".mp3", ".flac", ".ogg", ".opus", ".m4a", ".wma", ".wv", ".wav", ".aiff", ".ape")
OF_THEIR_OWN = "Old Genre"
BY_HAND = "Set By Hand"
GENRE_KEYS = ("genre", "tcon", "\xa9gen", "wm/genre")


def sound(number: int) -> synth.Samples:
    """Return a song of one of three genres, like no other."""
    chance = np.random.default_rng(number)
    kind = number % 3
    if kind == 0:
        return synth.tone(SECONDS, chance.uniform(80, 160))
    if kind == 1:
        return synth.noise(SECONDS, number, rms=chance.uniform(0.05, 0.15))
    return synth.clicks(SECONDS, chance.uniform(2, 6))


def write_library(folder: Path, n_tracks: int) -> list[Path]:
    """Write the songs; every other one has a genre of its own, and all but raw copies have a title."""
    paths = []
    for number in range(n_tracks):
        extension = FORMATS[number % len(FORMATS)]
        path = folder / f"{number // 50:03}" / f"{number}{extension}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if extension == ".ape":  # no encoder: the same audio each time, which is analysed once
            shutil.copyfile(REPO / "tests/data/tone.ape", path)
        else:
            synth.write(path, sound(number))
        tags = {"title": f"Song {number}"} | ({"genre": OF_THEIR_OWN} if number % 2 else {})
        synth.tag(path, tags)
        paths.append(path)
    return paths


def write_genres(folder: Path) -> None:
    """Write what the head is trained on."""
    for number in range(3 * TRAINED_ON):
        path = folder / ("hum", "rain", "tick")[number % 3] / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        synth.write(path, sound(100_000 + number))


def edit(paths: list[Path]) -> None:
    """Set a genre as another program does; take it away from every third file."""
    for number, path in enumerate(paths):
        if number % 3:
            synth.tag(path, {"genre": BY_HAND})
            continue
        file = mutagen.File(path)
        for key in [key for key in file.tags.keys() if key.lower() in GENRE_KEYS]:  # noqa: SIM118
            del file.tags[key]
        file.save()


def counted(answer: Any, seconds: float, n_bytes: int) -> dict[str, Any]:
    """Return the figures of a run."""
    names = ("found", "written", "unchanged", "kept", "unknown", "skipped")
    return {
        **{name: answer[name] for name in names},
        "seconds": round(seconds, 2),
        "files_per_second": round(answer["found"] / seconds, 1),
        "peak_mb": round(n_bytes / 2**20),
    }


def genres(paths: list[Path]) -> list[list[str]]:
    """Return the genres of files."""
    return [read_tags(path).genres for path in paths]


def check(right: bool, what: str) -> None:
    """End the benchmark where something is wrong."""
    if not right:
        raise SystemExit(f"wrong: {what}")


def main() -> None:
    """Run it."""
    parser = common.parser(__doc__ or "")
    parser.add_argument("--tracks", type=int, default=500)
    parser.add_argument("--edited", type=int, default=10)
    parser.add_argument("--folder", type=Path, help="where the files are written; removed at the end")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        answer = run(Path(temporary), options.tracks, options.edited)
    common.report(
        {"machine": common.machine() | {"mutagen": mutagen.version_string}} | answer, options.output
    )


def run(folder: Path, n_tracks: int, n_edited: int) -> dict[str, Any]:
    """Return the figures; nothing if anything is wrong."""
    music, home, answer = folder / "music", folder / "home", {}
    paths = write_library(music, n_tracks)
    write_genres(folder / "genres")
    common.cli(home, "train", folder / "genres")
    common.cli(home, "ingest", music)
    at_first, audio = genres(paths), [audio_hash(path) for path in paths]

    def tag(name: str, *arguments: str) -> Any:
        said, seconds, peak = common.measured_cli(home, "tag", *arguments)
        answer[name] = counted(said, seconds, peak)
        check(said["skipped"] == 0, f"{name}: {said['skipped']} files skipped")
        check([audio_hash(path) for path in paths] == audio, f"{name}: other audio")
        ingested = common.cli(home, "ingest", music)
        check(ingested["analysed"] == 0, f"{name}: {ingested['analysed']} files analysed again")
        answer[name]["ingest_afterwards"] = {n: ingested[n] for n in ("unchanged", "retagged", "analysed")}
        return said

    tag("dry run", "--dry-run", "--overwrite", "--also", "moods")
    check(genres(paths) == at_first, "a dry run changed something")
    first = tag("first run", "--write", "--overwrite", "--also", "moods")
    ours = {file["path"] for file in first["files"] if file["written"]}
    chosen = random.Random(0).sample([path for path in paths if str(path) in ours], n_edited)
    edit(chosen)
    by_hand = [path.read_bytes() for path in chosen]
    common.cli(home, "ingest", music)
    second = tag("second run", "--write", "--also", "moods")
    check([path.read_bytes() for path in chosen] == by_hand, "a file edited by hand was touched")
    kept = {file["path"] for file in second["files"] if file["kept"]}
    check(kept >= set(map(str, chosen)), "a file edited by hand is not told of")
    restored = tag("undo", "--undo")
    check(restored["written"] == first["written"], "not all was restored")
    expected = list(at_first)
    for number, path in enumerate(chosen):
        expected[paths.index(path)] = [] if number % 3 == 0 else [BY_HAND]
    check(genres(paths) == expected, "a genre is not as it was")
    formats_of = Counter(path.suffix for path in paths)
    return {"tracks": n_tracks, "formats": formats_of, "edited_and_untouched": n_edited} | answer


if __name__ == "__main__":
    main()
