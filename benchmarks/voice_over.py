"""Speech over music, and short noises in silence, for the detector of what is not music.

    python benchmarks/voice_over.py FOLDER --music FOLDER --unpacked FOLDER [--set development|evaluation]

A voice over music is music, unless the voice dominates: what a listener hears first then is somebody who
speaks. Here it dominates where the music is softer than the voice by 15 dB or more in all, as under a radio
speaker (``talk-…``), and does not where the music is at most 6 dB softer (``song-…``). Between them,
nothing is claimed and nothing is made. ``short-…`` is one noise, tone or word of 0.3 to 1.2 s somewhere in
4 to 7 s of silence.

Voices are recordings of Debian's packages, as `benchmarks/debian_sounds.py` reads them, and espeak-ng's;
noises are those of `benchmarks/nonmusic.py`. The two sets share no voice and no kind of noise, and should
be given other music.
"""

import argparse
from pathlib import Path

import nonmusic
import numpy as np
import soundfile
from debian_sounds import RATE_HZ, SUFFIXES, Samples, read, sounds_in

SEED = 3
SILENT = 1e-3
SOFTER_DB = {"talk": (15.0, 25.0), "song": (-6.0, 6.0)}
PEOPLE: dict[nonmusic.Set, tuple[str, ...]] = {
    "development": ("asterisk-core-sounds-en-wav", "asterisk-core-sounds-es-wav"),
    "evaluation": ("asterisk-core-sounds-ru-wav",),
}


def level(sound: Samples) -> float:
    """Return the root-mean-square level of what is not silent."""
    loud = sound[np.abs(sound) > 1e-3 * np.abs(sound).max()]
    return float(np.sqrt(np.mean(loud**2)))


def excerpt(music: list[Path], seconds: float, random: nonmusic.Random) -> Samples:
    """Return some seconds of one of these files, from a random one on; of another where they are silent."""
    n = int(seconds * RATE_HZ)
    while True:
        path = music[int(random.integers(len(music)))]
        start_s = random.uniform(0, max(1.0, soundfile.info(path).duration - seconds))
        part = read(path, "-ss", f"{start_s:.2f}", "-t", f"{seconds:.2f}")
        if len(part) and np.sqrt(np.mean(part**2)) > SILENT:
            return np.resize(part, n)


class Voices:
    """People of a set's packages, and espeak-ng in the set's languages, by turns."""

    def __init__(self, unpacked: Path, which: nonmusic.Set) -> None:
        self.which = which
        self.people = {name: sounds_in(unpacked / f"x-{name}") for name in PEOPLE[which]}
        self.languages = list(nonmusic.TEXTS[which])

    def speak(self, turn: int, seconds: float, random: nonmusic.Random) -> tuple[str, Samples]:
        """Return who speaks, and speech that is not silent for longer than half a second."""
        if turn % 2:
            language = self.languages[turn // 2 % len(self.languages)]
            return language, nonmusic.speech(language, self.which, random, seconds)
        name = list(self.people)[turn // 2 % len(self.people)]
        parts: list[Samples] = []
        while sum(map(len, parts)) < seconds * RATE_HZ:
            said = read(self.people[name][int(random.integers(len(self.people[name])))])
            parts += [said, np.zeros(int(RATE_HZ * random.uniform(0.05, 0.5)))]
        return name.split("-")[-2], np.concatenate(parts)[: int(seconds * RATE_HZ)]


def short(kind: nonmusic.Kind, random: nonmusic.Random) -> Samples:
    """Return a short sound somewhere in silence."""
    length = int(RATE_HZ * random.uniform(0.3, 1.2))
    whole = kind.make(random, 10.0)
    start = int(np.argmax(np.abs(whole[: len(whole) - length])))
    start = min(start, len(whole) - length)
    sound = np.zeros(int(RATE_HZ * random.uniform(4, 7)))
    at = int(random.integers(0, len(sound) - length))
    sound[at : at + length] = whole[start : start + length]
    return sound


def write(folder: Path, name: str, sound: Samples, random: nonmusic.Random) -> None:
    """Write a file at a random level."""
    sound = sound * random.uniform(0.1, 0.7) / np.abs(sound).max()
    path = folder / name.split("-", maxsplit=1)[0] / f"{name}.flac"
    soundfile.write(path, sound, RATE_HZ, subtype="PCM_16")


def write_mixes(folder: Path, music: list[Path], voices: Voices, n_files: int, seed: list[int]) -> None:
    """Write speech over music: as many files in which it dominates as others."""
    for number in range(n_files):
        for kind, (low, high) in SOFTER_DB.items():
            random = np.random.default_rng([*seed, number, kind == "talk"])
            seconds = random.uniform(6, 30)
            who, spoken = voices.speak(number, seconds, random)
            played = excerpt(music, seconds, random)
            played *= level(spoken) / level(played) * 10 ** (-random.uniform(low, high) / 20)
            write(folder, f"{kind}-{who}-{number:03d}", spoken[: len(played)] + played, random)


def write_short(folder: Path, which: nonmusic.Set, n_files: int, seed: list[int]) -> None:
    """Write short sounds in silence, kinds by turns."""
    kinds = [kind for of_family in nonmusic.kinds(which).values() for kind in of_family]
    for number in range(n_files):
        random = np.random.default_rng([*seed, number, 2])
        kind = kinds[number % len(kinds)]
        write(folder, f"short-{kind.name.replace('-', '_')}-{number:03d}", short(kind, random), random)


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--music", type=Path, required=True)
    parser.add_argument("--unpacked", type=Path, required=True)
    parser.add_argument("--set", choices=["development", "evaluation"], default="evaluation", dest="which")
    parser.add_argument("--files", type=int, default=100, help="of each of the three")
    args = parser.parse_args()
    for name in ("talk", "song", "short"):
        (args.folder / name).mkdir(parents=True, exist_ok=True)
    found = sorted(p for p in args.music.rglob("*") if p.suffix in (*SUFFIXES, ".mp3"))
    seed = [SEED, args.which == "evaluation"]
    write_mixes(args.folder, found, Voices(args.unpacked, args.which), args.files, seed)
    write_short(args.folder, args.which, args.files, seed)


if __name__ == "__main__":
    main()
