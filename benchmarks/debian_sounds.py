"""Voices and effects of Debian packages as files that are not music, from which the detector learns.

    python benchmarks/debian_sounds.py UNPACKED FOLDER

UNPACKED holds a folder ``x-PACKAGE`` for each of asterisk-core-sounds-en-wav, -es-wav and -ru-wav,
klettres-data, wesnoth-1.16-data, hedgewars-data, freedroidrpg-data, tuxtype-data, sound-theme-freedesktop
(``apt-get download``, ``dpkg -x``). Voices are joined with pauses; effects are repeated, or stand in front
or somewhere in 4 to 6 s of silence. Nothing of it is kept in the repository.
"""

import argparse
import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

RATE_HZ = 22_050
SEED = 0
SUFFIXES = (".wav", ".ogg", ".oga", ".opus")
MOST_EFFECTS = 160
Samples = npt.NDArray[np.float64]

VOICES = {
    "en": "asterisk-core-sounds-en-wav",
    "es": "asterisk-core-sounds-es-wav",
    "ru": "asterisk-core-sounds-ru-wav",
}
EFFECTS = {
    "wesnoth": ("wesnoth-1.16-data", ("horn-signals", "/music")),
    "hedgewars": ("hedgewars-data", ("music",)),
    "freedroid": ("freedroidrpg-data", ("music",)),
    "tuxtype": ("tuxtype-data", ("music",)),
    "desktop": ("sound-theme-freedesktop", ()),
}


def read(path: str | Path, *part: str) -> Samples:
    """Return a file's samples, mono; `part` is what ffmpeg is to be told of the part that is wanted."""
    output = ["-ac", "1", "-ar", str(RATE_HZ), "-f", "f32le", "-"]
    command = ["ffmpeg", "-v", "quiet", *part, "-i", str(path), *output]
    raw = subprocess.run(command, capture_output=True, check=False).stdout
    return np.frombuffer(raw, np.float32).astype(np.float64)


def sounds_in(folder: Path, without: Iterable[str] = ()) -> list[Path]:
    """Return the audio files of a package, but for those whose path has one of these words."""
    left_out = ("silence", *without)
    found = (p for p in folder.rglob("*") if p.suffix in SUFFIXES and p.is_file())
    return sorted(p for p in found if not any(word in str(p).lower() for word in left_out))


class Writer:
    """Writes what is long and loud enough, at a random level."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.random = np.random.default_rng(SEED)

    def write(self, name: str, sound: Samples) -> None:
        """Write one file, or none."""
        if len(sound) < 3.2 * RATE_HZ or np.abs(sound).max() < 1e-3:
            return
        level = self.random.uniform(0.1, 0.7) / np.abs(sound).max()
        soundfile.write(self.folder / f"{name}.flac", sound * level, RATE_HZ, subtype="PCM_16")

    def silence(self, low_s: float, high_s: float) -> Samples:
        """Return silence of a random length."""
        return np.zeros(int(RATE_HZ * self.random.uniform(low_s, high_s)))

    def spoken(self, paths: list[Path], n: int, longest_pause_s: float, longest_s: float) -> Samples:
        """Return some of a voice's files, one after the other."""
        chosen = self.random.choice(np.array([str(p) for p in paths]), n)
        parts = [np.concatenate([read(p), self.silence(0.05, longest_pause_s)]) for p in chosen]
        return np.concatenate(parts)[: int(RATE_HZ * self.random.uniform(5, longest_s))]

    def effect(self, sound: Samples, turn: int) -> Samples:
        """Return an effect repeated, before silence, or somewhere in silence, by turns."""
        if turn == 0:
            once = np.concatenate([sound, self.silence(0, 0.5)])
            return np.resize(once, int(RATE_HZ * self.random.uniform(4, 8)))
        around = self.silence(4, 6)
        if turn == 1:
            return np.concatenate([sound, around[len(sound) :]])
        start = int(self.random.uniform(0, max(1, len(around) - len(sound))))
        part = sound[: len(around) - start]
        around[start : start + len(part)] = part
        return around


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("unpacked", type=Path)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    writer = Writer(args.folder)
    for voice, package in VOICES.items():
        paths = sounds_in(args.unpacked / f"x-{package}")
        for number in range(20):
            writer.write(f"rspeech-{voice}-{number:02d}", writer.spoken(paths, 8, 0.4, 25))
    for language in sorted((args.unpacked / "x-klettres-data/usr/share/klettres").iterdir()):
        paths = sounds_in(language) if language.is_dir() else []
        for number in range(4 if len(paths) >= 10 else 0):
            writer.write(f"kspeech-{language.name}-{number:02d}", writer.spoken(paths, 12, 0.5, 20))
    for kind, (package, without) in EFFECTS.items():
        paths = sounds_in(args.unpacked / f"x-{package}", without)
        chosen = writer.random.permutation(np.array([str(p) for p in paths]))[:MOST_EFFECTS]
        for number, path in enumerate(chosen):
            sound = read(path)
            if 0.15 * RATE_HZ <= len(sound) <= 30 * RATE_HZ:
                writer.write(f"fx-{kind}-{number:03d}", writer.effect(sound, number % 3))


if __name__ == "__main__":
    main()
