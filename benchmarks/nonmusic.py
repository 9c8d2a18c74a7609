"""Files that are not music: speech, noises, tones, made with espeak-ng, sox and numpy.

    python benchmarks/nonmusic.py FOLDER [--set development|evaluation] [--files N] [--features OUT.npz]

The two sets share no language, voice, text, noise colour, modulation or wave form: the development set
may choose a threshold, the evaluation set reports what it is worth. Each file is named after its family,
its kind and its number (``speech-de-03.flac``) and is the same for the same seed.
"""

import argparse
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import soundfile

RATE_HZ = 22_050
PEAK = 0.7
Samples = npt.NDArray[np.float64]
Random = np.random.Generator
Maker = Callable[[Random, float], Samples]
Set = Literal["development", "evaluation"]

# Plain sentences of our own, a language each. No language is in both sets.
TEXTS: dict[Set, dict[str, str]] = {
    "development": {
        "en-us": "The train to the coast leaves at nine. Please keep your ticket. Rain is likely tonight.",
        "de": "Der Zug zur Küste fährt um neun Uhr ab. Bitte behalten Sie die Fahrkarte. Es regnet heute.",
        "fr-fr": "Le train part à neuf heures. Gardez votre billet. Il va pleuvoir ce soir dans le nord.",
        "ru": "Поезд отправляется в девять часов. Сохраните билет. Сегодня вечером будет дождь.",
        "cmn": "火车九点出发。请保留车票。今天晚上可能会下雨。明天天气很好。",
        "fi": "Juna lähtee yhdeksältä. Säilytä lippusi. Illalla sataa ja huomenna paistaa aurinko.",
    },
    "evaluation": {
        "en-gb-scotland": "Two cups of flour and a little salt. Stir slowly, then wait until it has cooled.",
        "es": "Dos tazas de harina y un poco de sal. Remueva despacio y espere hasta que se enfríe.",
        "it": "Due tazze di farina e un poco di sale. Mescolate piano e aspettate che si raffreddi.",
        "nl": "Twee kopjes bloem en een beetje zout. Roer langzaam en wacht tot het is afgekoeld.",
        "pl": "Dwie szklanki mąki i trochę soli. Mieszaj powoli i poczekaj, aż wystygnie.",
        "sv": "Två koppar mjöl och lite salt. Rör långsamt och vänta tills det har svalnat.",
        "tr": "İki bardak un ve biraz tuz. Yavaşça karıştırın ve soğuyana kadar bekleyin.",
        "hi": "दो कप आटा और थोड़ा नमक। धीरे धीरे मिलाएँ और ठंडा होने तक रुकें।",
        "id": "Dua cangkir tepung dan sedikit garam. Aduk perlahan lalu tunggu sampai dingin.",
        "sw": "Vikombe viwili vya unga na chumvi kidogo. Koroga polepole kisha subiri hadi ipoe.",
    },
}
VOICES: dict[Set, Sequence[str]] = {
    "development": ("m1", "m3", "f1", "f3", "klatt"),
    "evaluation": ("m2", "m5", "f2", "f4", "croak", "whisper", "klatt3", "belinda"),
}
SPEEDS: dict[Set, tuple[int, int]] = {"development": (130, 180), "evaluation": (110, 210)}


def _run(*command: object, text: str | None = None) -> bytes:
    return subprocess.run(
        [str(part) for part in command],
        input=text.encode() if text else None,
        capture_output=True,
        check=True,
    ).stdout


def _sox(seconds: float, *effects: object) -> Samples:
    """Return what ``sox -n … synth`` makes; ``-R`` makes its noise the same every time."""
    raw = _run("sox", "-R", "-n", "-r", RATE_HZ, "-c", 1, "-t", "f32", "-", "synth", seconds, *effects)
    return np.frombuffer(raw, np.float32).astype(np.float64)


def speech(language: str, which: Set, random: Random, seconds: float) -> Samples:
    """Return speech, some of it before a soft hiss, as a cheap microphone gives."""
    low, high = SPEEDS[which]
    voice = f"{language}+{random.choice(VOICES[which])}"
    pace = ("-s", random.integers(low, high), "-p", random.integers(25, 75), "-g", random.integers(0, 6))
    text = TEXTS[which][language]
    raw = _run("espeak-ng", "-v", voice, *pace, "--stdout", text=" ".join([text] * 6))
    spoken = np.frombuffer(raw[44:], np.int16) / 32768.0
    spoken = np.resize(spoken, round(seconds * RATE_HZ))
    if random.random() < 0.5:
        spoken = (
            spoken + _white(random, seconds) * 10 ** (-random.uniform(25, 45) / 20) * np.abs(spoken).max()
        )
    return spoken


def _white(random: Random, seconds: float) -> Samples:
    return random.standard_normal(round(seconds * RATE_HZ))


def coloured(slope: float) -> Maker:
    """Return a maker of noise whose power falls as ``1 / f**slope``."""

    def make(random: Random, seconds: float) -> Samples:
        spectrum = np.fft.rfft(_white(random, seconds))
        hertz = np.fft.rfftfreq(round(seconds * RATE_HZ), 1 / RATE_HZ)
        gain = np.maximum(hertz, 20.0) ** (-slope / 2)
        return np.fft.irfft(spectrum * gain, round(seconds * RATE_HZ))

    return make


def band(low_hz: tuple[float, float], width: tuple[float, float]) -> Maker:
    """Return a maker of noise in one band, its lower edge and the ratio of its edges drawn at random."""

    def make(random: Random, seconds: float) -> Samples:
        spectrum = np.fft.rfft(_white(random, seconds))
        hertz = np.fft.rfftfreq(round(seconds * RATE_HZ), 1 / RATE_HZ)
        low = random.uniform(*low_hz)
        spectrum[(hertz < low) | (hertz > low * random.uniform(*width))] = 0
        return np.fft.irfft(spectrum, round(seconds * RATE_HZ))

    return make


def gusts(slope: float, hertz: tuple[float, float]) -> Maker:
    """Return a maker of noise that swells and fades: wind, surf, rain in gusts."""

    def make(random: Random, seconds: float) -> Samples:
        noise = coloured(slope)(random, seconds)
        time = np.arange(len(noise)) / RATE_HZ
        swell = 1 + 0.9 * np.sin(2 * np.pi * random.uniform(*hertz) * time + random.uniform(0, 6))
        return noise * swell

    return make


def grains(per_second: tuple[float, float], decay_hz: tuple[float, float], floor: float) -> Maker:
    """Return a maker of short impulses at random times over a floor of noise: crackle, drops, clicks."""

    def make(random: Random, seconds: float) -> Samples:
        n = round(seconds * RATE_HZ)
        sound = floor * _white(random, seconds)
        length = RATE_HZ // 10
        for _ in range(random.poisson(random.uniform(*per_second) * seconds)):
            start = int(random.integers(0, n - length))
            fade = np.exp(-np.arange(length) / RATE_HZ * random.uniform(*decay_hz))
            sound[start : start + length] += random.standard_normal(length) * fade * random.uniform(0.2, 1)
        return sound

    return make


def hum(mains_hz: float, harmonics: Sequence[int]) -> Maker:
    """Return a maker of mains hum with a little hiss."""

    def make(random: Random, seconds: float) -> Samples:
        time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
        sound = 0.02 * _white(random, seconds)
        for number in harmonics:
            sound += random.uniform(0.2, 1) / number * np.sin(2 * np.pi * mains_hz * number * time)
        return sound

    return make


def steady(wave: str, hertz: tuple[float, float]) -> Maker:
    """Return a maker of one steady tone of a wave form that sox knows."""
    return lambda random, seconds: _sox(seconds, wave, round(random.uniform(*hertz), 1))


def sweep(wave: str, mark: str, hertz: tuple[float, float]) -> Maker:
    """Return a maker of sweeps; sox's mark says how the pitch moves: ``:`` linear, ``/`` exponential."""

    def make(random: Random, seconds: float) -> Samples:
        low, high = hertz
        once = random.uniform(2, 8)
        low, high = low * random.uniform(1, 1.5), high * random.uniform(0.7, 1)
        return np.resize(_sox(once, wave, f"{low:.1f}{mark}{high:.1f}"), round(seconds * RATE_HZ))

    return make


def beeps(
    pitches_hz: Sequence[Sequence[float]], on_s: tuple[float, float], off_s: tuple[float, float]
) -> Maker:
    """Return a maker of beeps: alarms, telephone keys; a beep sounds all tones of one of the rows."""

    def make(random: Random, seconds: float) -> Samples:
        n = round(seconds * RATE_HZ)
        on, off = random.uniform(*on_s), random.uniform(*off_s)
        time = np.arange(round(on * RATE_HZ)) / RATE_HZ
        parts: list[Samples] = []
        while sum(map(len, parts)) < n:
            tones = pitches_hz[int(random.integers(len(pitches_hz)))]
            parts += [
                np.sum([np.sin(2 * np.pi * f * time) for f in tones], axis=0),
                np.zeros(round(off * RATE_HZ)),
            ]
        return np.concatenate(parts)[:n]

    return make


KEYS_HZ = [(low, high) for low in (697.0, 770.0, 852.0, 941.0) for high in (1209.0, 1336.0, 1477.0)]

NOISES: dict[Set, dict[str, Maker]] = {
    "development": {
        "white": coloured(0),
        "brown": coloured(2),
        "band": band((1500, 3000), (1.3, 2)),
        "crackle": grains((20, 60), (200, 600), 0.003),
        "surf": gusts(1.5, (0.08, 0.2)),
        "hum50": hum(50, (1, 2, 3, 5)),
    },
    "evaluation": {
        "pink": coloured(1),
        "blue": coloured(-1),
        "lowband": band((150, 900), (1.5, 3)),
        "rain": grains((300, 900), (900, 2500), 0.02),
        "clicks": grains((0.5, 4), (60, 150), 0.0005),
        "wind": gusts(2.5, (0.3, 0.9)),
        "steam": gusts(-0.5, (1, 4)),
        "hum60": hum(60, (2, 4, 6, 8, 12)),
    },
}
TONES: dict[Set, dict[str, Maker]] = {
    "development": {
        "sine": steady("sine", (200, 1500)),
        "square": steady("square", (100, 600)),
        "sweep": sweep("sine", ":", (200, 4000)),
        "beeps": beeps([(1000.0,)], (0.2, 0.5), (0.3, 0.8)),
        "ringing": beeps([(440.0, 480.0)], (1.5, 2.5), (1.0, 4.0)),
    },
    "evaluation": {
        "highsine": steady("sine", (1800, 5000)),
        "sawtooth": steady("sawtooth", (60, 900)),
        "trapezium": steady("trapezium", (150, 900)),
        "siren": sweep("square", "/", (400, 1800)),
        "keys": beeps(KEYS_HZ, (0.1, 0.3), (0.05, 0.2)),
        "alarm": beeps([(2300.0,), (3100.0,)], (0.06, 0.15), (0.05, 0.1)),
    },
}


@dataclass(frozen=True)
class Kind:
    """A way to make files: its family, its name, what makes the sound."""

    family: str
    name: str
    make: Maker


def kinds(which: Set) -> dict[str, list[Kind]]:
    """Return a set's kinds by family."""

    def speaker(language: str) -> Maker:
        return lambda random, seconds: speech(language, which, random, seconds)

    return {
        "speech": [Kind("speech", language, speaker(language)) for language in TEXTS[which]],
        "noise": [Kind("noise", name, make) for name, make in NOISES[which].items()],
        "tone": [Kind("tone", name, make) for name, make in TONES[which].items()],
    }


# Of every five files two are speech, two noise and one a tone.
TURNS = ("speech", "noise", "speech", "noise", "tone")


def write_set(folder: Path, which: Set, n_files: int, seed: int = 0) -> list[Path]:
    """Write a set of files, 10 to 35 s each, and return their paths.

    Parameters
    ----------
    folder
        Made if absent.
    which
        Which kinds and parameters.
    n_files
        Files in all; families and kinds take turns.
    seed
        Of every random choice.
    """
    folder.mkdir(parents=True, exist_ok=True)
    families = kinds(which)
    made = dict.fromkeys(families, 0)
    paths = []
    for number in range(n_files):
        family = TURNS[number % len(TURNS)]
        kind = families[family][made[family] % len(families[family])]
        made[family] += 1
        random = np.random.default_rng([seed, which == "evaluation", number])
        sound = kind.make(random, random.uniform(10, 35))
        sound = sound * random.uniform(0.1, PEAK) / np.abs(sound).max()
        path = folder / f"{kind.family}-{kind.name}-{number:02d}.flac"
        soundfile.write(path, sound, RATE_HZ, subtype="PCM_16")
        paths.append(path)
    return paths


def save_features(paths: Sequence[Path], out: Path) -> None:
    """Save the shipped trunk's ``embeddings`` of files, (files, 200), and their ``kinds``."""
    from classifier.model import bundle
    from classifier.model.inference import Trunk
    from classifier.model.predictions import song_mean

    trunk = Trunk(bundle.load(bundle.SHIPPED), threads=1)
    rows = []
    for path in paths:
        _, embeddings, durations_s = trunk.analyse_file(path).features()
        rows.append(song_mean(embeddings, durations_s))
    kinds_of = [path.stem.rsplit("-", 1)[0] for path in paths]
    np.savez(out, embeddings=np.stack(rows), kinds=np.array(kinds_of))


def main() -> None:
    """Write a set and name its files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--set", choices=["development", "evaluation"], default="evaluation", dest="which")
    parser.add_argument("--files", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--features", type=Path, help="also save the shipped trunk's embeddings here")
    args = parser.parse_args()
    paths = write_set(args.folder, args.which, args.files, args.seed)
    for path in paths:
        print(path)
    if args.features is not None:
        save_features(paths, args.features)


if __name__ == "__main__":
    main()
