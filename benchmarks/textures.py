"""Generated textures of everyday sounds, from which the detector of what is not music learns.

    python benchmarks/textures.py FOLDER [--files N]

Rotors, engines, saws, ticking, knocks, fire, waves, birds, insects, cries, drops, rooms and claps:
4 to 7 s each, one in six a short one before silence. They share no generator with `benchmarks/nonmusic.py`,
whose evaluation set reports what the detector is worth.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

RATE_HZ = 22_050
SEED = 7
Samples = npt.NDArray[np.float64]
Random = np.random.Generator
Maker = Callable[[Random, float], Samples]


def _noise(
    random: Random, n: int, slope: float = 1.0, low_hz: float = 20.0, high_hz: float = 11_000.0
) -> Samples:
    spectrum = np.fft.rfft(random.standard_normal(n))
    hertz = np.fft.rfftfreq(n, 1 / RATE_HZ)
    gain = np.maximum(hertz, 20.0) ** (-slope / 2) / (1 + (hertz / high_hz) ** 8)
    gain *= (hertz / low_hz) ** 2 / (1 + (hertz / low_hz) ** 2)
    return np.fft.irfft(spectrum * gain, n)


def _full(sound: Samples) -> Samples:
    return sound / (np.abs(sound).max() + 1e-9)


def _time(seconds: float) -> Samples:
    return np.arange(int(seconds * RATE_HZ)) / RATE_HZ


def _reverb(random: Random, sound: Samples, longest_s: float = 0.4) -> Samples:
    time = _time(2 * longest_s)
    echo = random.standard_normal(len(time)) * np.exp(-time * 6.9 / random.uniform(0.15, longest_s))
    echo *= random.uniform(0.05, 0.3) * 0.1
    echo[0] = 1
    size = 2 ** int(np.ceil(np.log2(len(sound) + len(echo))))
    return np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(echo, size))[: len(sound)]


def _hit(random: Random, hertz: float, decay: float, n: int) -> Samples:
    time = np.arange(n) / RATE_HZ
    tones = [
        random.uniform(0.3, 1)
        * np.sin(2 * np.pi * hertz * random.uniform(0.8, 2.5) * time + random.uniform(0, 6))
        * np.exp(-time * decay * random.uniform(0.6, 2))
        for _ in range(4)
    ]
    click = random.standard_normal(n) * np.exp(-time * decay * 2) * random.uniform(0.1, 1)
    return np.sum(tones, axis=0) + click


def _pulses(
    random: Random, n: int, times_s: Samples, hertz: float, decay: float, jitter: float = 0.1
) -> Samples:
    sound, length = np.zeros(n), RATE_HZ // 4
    for start in (times_s * RATE_HZ).astype(int):
        if 0 <= start < n - length:
            pitch = hertz * random.uniform(1 - jitter, 1 + jitter)
            sound[start : start + length] += _hit(random, pitch, decay, length) * random.uniform(0.7, 1)
    return sound


def _floor(random: Random, n: int, low_db: float, high_db: float) -> Samples:
    return 10 ** (-random.uniform(low_db, high_db) / 20) * _full(_noise(random, n, random.uniform(0, 2)))


def rotor(random: Random, seconds: float) -> Samples:
    """Return noise in beats of 6 to 28 Hz, as of blades."""
    time = _time(seconds)
    rate = random.uniform(6, 28) * (1 + 0.03 * np.sin(2 * np.pi * random.uniform(0.05, 0.3) * time))
    beat = np.maximum(0, np.sin(2 * np.pi * np.cumsum(rate) / RATE_HZ)) ** random.uniform(1, 6)
    noise = _noise(random, len(time), random.uniform(0.5, 2.2), 20, random.uniform(400, 5000))
    hiss = _full(_noise(random, len(time), random.uniform(0, 1.5)))
    return _full(noise) * (random.uniform(0.05, 0.5) + beat) + random.uniform(0.02, 0.3) * hiss


def engine(random: Random, seconds: float) -> Samples:
    """Return many harmonics of a low, wandering tone in noise."""
    time = _time(seconds)
    swell = random.uniform(0, 0.3) * np.sin(2 * np.pi * random.uniform(0.05, 0.8) * time)
    wander = 0.01 * np.cumsum(random.standard_normal(len(time))) / np.sqrt(RATE_HZ)
    phase = np.cumsum(random.uniform(18, 140) * (1 + swell + wander)) / RATE_HZ
    fall = random.uniform(0.2, 1.2)
    tones = [
        np.sin(2 * np.pi * k * phase + random.uniform(0, 6)) * random.uniform(0.2, 1) / k**fall
        for k in range(1, 25)
    ]
    noise = _noise(random, len(time), random.uniform(0, 2), 50, random.uniform(1000, 9000))
    return _full(np.sum(tones, axis=0)) + random.uniform(0.1, 1) * _full(noise)


def saw(random: Random, seconds: float) -> Samples:
    """Return a rasping tone that labours and runs free by turns."""
    time = _time(seconds)
    turn = 0.25 * random.uniform() * np.sign(np.sin(2 * np.pi * random.uniform(0.1, 0.7) * time))
    hertz = np.convolve(random.uniform(70, 260) * (1 + turn), np.full(2000, 1 / 2000), "same")
    phase = np.cumsum(hertz) / RATE_HZ
    rasp = _full(np.sign(np.sin(2 * np.pi * phase)) + 0.5 * (phase % 1))
    return rasp + random.uniform(0.3, 1) * _full(_noise(random, len(time), 0, 500, 9000))


def ticking(random: Random, seconds: float) -> Samples:
    """Return clicks at one pace, some of them tick and tock, in a room."""
    n, pace = int(seconds * RATE_HZ), random.uniform(0.18, 1.1)
    times = np.arange(0, seconds, pace)
    if random.random() < 0.5:
        times = np.concatenate([times, times + pace * random.uniform(0.3, 0.5)])
    ticks = _pulses(random, n, times, random.uniform(900, 5500), random.uniform(80, 500), 0.03)
    return _full(_reverb(random, _full(ticks))) + _floor(random, n, 15, 55)


def knocks(random: Random, seconds: float) -> Samples:
    """Return dull blows at no pace."""
    n = int(seconds * RATE_HZ)
    times = np.cumsum(random.uniform(0.1, 1.5, 60))
    blows = _pulses(random, n, times, random.uniform(80, 900), random.uniform(20, 120), 0.3)
    return _reverb(random, _full(blows)) + _floor(random, n, 20, 50)


def fire(random: Random, seconds: float) -> Samples:
    """Return crackles over a roar."""
    n = int(seconds * RATE_HZ)
    times = np.cumsum(random.exponential(1 / random.uniform(4, 40), 2000))
    crackles = _pulses(
        random, n, times[times < seconds], random.uniform(1500, 6000), random.uniform(300, 1500), 0.8
    )
    return _full(crackles) + random.uniform(0.02, 0.4) * _full(_noise(random, n, random.uniform(0.8, 2.2)))


def waves(random: Random, seconds: float) -> Samples:
    """Return noise that comes and goes."""
    time = _time(seconds)
    swell = np.abs(np.sin(np.pi * random.uniform(0.05, 0.3) * time + random.uniform(0, 3)))
    noise = _noise(random, len(time), random.uniform(0.3, 1.8), 40, random.uniform(1500, 9000))
    return _full(noise) * (0.2 + 0.8 * swell ** random.uniform(1, 4)) + 0.1 * _full(
        _noise(random, len(time), 2)
    )


def chirps(random: Random, seconds: float) -> Samples:
    """Return short calls that glide, as of birds."""
    n = int(seconds * RATE_HZ)
    sound, base = np.zeros(n), random.uniform(1200, 6000)
    for at in np.cumsum(random.exponential(random.uniform(0.1, 0.8), 80)):
        length, start = int(RATE_HZ * random.uniform(0.03, 0.3)), int(at * RATE_HZ)
        if start + length >= n:
            break
        part = np.arange(length) / length
        trill = random.uniform(0, 0.15) * np.sin(2 * np.pi * random.uniform(0, 12) * part)
        phase = np.cumsum(base * (1 + random.uniform(-0.4, 0.6) * part + trill)) / RATE_HZ
        sound[start : start + length] += (
            np.sin(2 * np.pi * phase) * np.hanning(length) * random.uniform(0.2, 1)
        )
    return _full(_reverb(random, sound)) + _floor(random, n, 15, 45)


def cries(random: Random, seconds: float) -> Samples:
    """Return voiced calls of a few formants, as of beasts and babies."""
    n, pitch = int(seconds * RATE_HZ), random.uniform(120, 650)
    sound = np.zeros(n)
    formants = [random.uniform(*span) for span in ((500, 1200), (1200, 2600), (2600, 4500))]
    for at in np.cumsum(random.uniform(0.3, 1.6, 40)):
        length, start = int(RATE_HZ * random.uniform(0.15, 1.1)), int(at * RATE_HZ)
        if start + length >= n:
            break
        part = np.arange(length) / length
        rise = random.uniform(0.1, 0.9) * np.sin(np.pi * part ** random.uniform(0.5, 2))
        hertz = pitch * (1 + rise + 0.02 * np.sin(2 * np.pi * random.uniform(3, 9) * part))
        phase, middle = np.cumsum(hertz) / RATE_HZ, float(hertz.mean())
        cry = 0.1 * random.uniform() * random.standard_normal(length)
        for k in range(1, 30):
            loud = sum(np.exp(-(((k * middle - f) / random.uniform(150, 400)) ** 2)) for f in formants)
            cry = cry + np.sin(2 * np.pi * k * phase) * loud
        sound[start : start + length] += _full(cry) * np.hanning(length) ** 0.5 * random.uniform(0.4, 1)
    return _full(_reverb(random, sound)) + _floor(random, n, 20, 50)


def drops(random: Random, seconds: float) -> Samples:
    """Return drops, each a short rising tone."""
    n = int(seconds * RATE_HZ)
    sound = np.zeros(n)
    for at in np.cumsum(random.exponential(random.uniform(0.02, 0.4), 400)):
        length, start = int(RATE_HZ * random.uniform(0.02, 0.09)), int(at * RATE_HZ)
        if start + length >= n:
            break
        time = np.arange(length) / RATE_HZ
        tone = np.sin(2 * np.pi * (random.uniform(500, 3000) * time + random.uniform(0, 8000) * time**2))
        sound[start : start + length] += (
            tone * np.exp(-time * random.uniform(40, 150)) * random.uniform(0.1, 1)
        )
    hiss = _full(_noise(random, n, random.uniform(0, 1.5)))
    return _full(_reverb(random, sound)) + random.uniform(0.01, 0.3) * hiss


def insects(random: Random, seconds: float) -> Samples:
    """Return high tones that whirr, on and off."""
    time, hertz = _time(seconds), random.uniform(2500, 7500)
    tones = [
        np.sin(2 * np.pi * hertz * random.uniform(0.97, 1.03) * time)
        * np.maximum(0, np.sin(2 * np.pi * random.uniform(8, 40) * time + random.uniform(0, 6)))
        for _ in range(4)
    ]
    on = 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * random.uniform(0.3, 3) * time))
    hiss = _full(_noise(random, len(time), random.uniform(0, 2)))
    return _full(np.sum(tones, axis=0)) * on + random.uniform(0.02, 0.3) * hiss


def room(random: Random, seconds: float) -> Samples:
    """Return steady noise of some colour and band."""
    time = _time(seconds)
    noise = _noise(
        random,
        len(time),
        random.uniform(-0.3, 2.6),
        random.uniform(20, 400),
        random.uniform(800, 11_000),
    )
    return _full(noise) * (1 + 0.2 * np.sin(time * random.uniform(0.3, 30)))


def applause(random: Random, seconds: float) -> Samples:
    """Return many claps."""
    n = int(seconds * RATE_HZ)
    times = random.uniform(0, seconds, int(random.uniform(10, 120) * seconds))
    claps = _pulses(random, n, times, random.uniform(900, 2500), random.uniform(60, 300), 0.4)
    fade = np.linspace(1, random.uniform(0.2, 1), n)
    return _full(claps) * fade + random.uniform(0.01, 0.1) * _full(_noise(random, n, 1))


MAKERS: dict[str, Maker] = {
    "rotor": rotor,
    "engine": engine,
    "saw": saw,
    "ticking": ticking,
    "knocks": knocks,
    "fire": fire,
    "waves": waves,
    "chirps": chirps,
    "cries": cries,
    "drops": drops,
    "insects": insects,
    "room": room,
    "applause": applause,
}


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=24, help="of each kind")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    for kind, (name, make) in enumerate(MAKERS.items()):
        for number in range(args.files):
            random = np.random.default_rng([SEED, kind, number])
            sound = _full(make(random, random.uniform(4, 7)))
            if number % 6 == 0:
                sound = np.concatenate([sound[: int(RATE_HZ * random.uniform(0.4, 1.5))], np.zeros(77_000)])
            path = args.folder / f"texture-{name}-{number:02d}.flac"
            soundfile.write(path, sound * random.uniform(0.1, 0.8), RATE_HZ, subtype="PCM_16")


if __name__ == "__main__":
    main()
