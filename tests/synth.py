"""Small deterministic audio files, made with numpy, libsndfile and PyAV's own FFmpeg."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import av
import mutagen
import numpy as np
import numpy.typing as npt
import soundfile
from mutagen import id3

Samples = npt.NDArray[np.float32]
Tags = Mapping[str, str] | None

RATE_HZ = 22_050
FULL_SCALE = 0.9
# What libsndfile writes, and what FFmpeg's encoders write: (codec, container, rate asked of it).
SOUNDFILE = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
    ".aiff": ("AIFF", "PCM_16"),
}
FFMPEG = {
    ".m4a": ("aac", "ipod"),
    ".aac": ("aac", "adts"),
    ".wma": ("wmav2", "asf"),
    ".wv": ("wavpack", "wv"),
    ".opus": ("libopus", "ogg"),
}
EXTENSIONS = (*SOUNDFILE, *FFMPEG)
LOSSLESS = (".wav", ".flac", ".aiff", ".wv")


def seconds_of(seconds: float, rate_hz: int) -> npt.NDArray[np.float64]:
    """Return the times of the samples, in seconds."""
    return np.arange(round(seconds * rate_hz)) / rate_hz


def sine(seconds: float, hz: float = 440.0, rate_hz: int = RATE_HZ, amplitude: float = 0.5) -> Samples:
    """Return a pure tone."""
    return (amplitude * np.sin(2 * np.pi * hz * seconds_of(seconds, rate_hz))).astype(np.float32)


def tone(
    seconds: float,
    hz: float = 220.0,
    rate_hz: int = RATE_HZ,
    harmonics: tuple[float, ...] = (1.0, 0.5, 0.33, 0.25),
    amplitude: float = 0.5,
) -> Samples:
    """Return a tone with harmonics below half the rate, its peak at `amplitude`."""
    times = seconds_of(seconds, rate_hz)
    sound = np.zeros(len(times))
    for number, strength in enumerate(harmonics, start=1):
        if number * hz < rate_hz / 2:
            sound += strength * np.sin(2 * np.pi * number * hz * times)
    return _at_peak(sound, amplitude)


def noise(seconds: float, seed: int = 0, rate_hz: int = RATE_HZ, rms: float = 0.1) -> Samples:
    """Return white noise of a level."""
    sound = np.random.default_rng(seed).standard_normal(round(seconds * rate_hz))
    return (sound * rms).clip(-1, 1).astype(np.float32)


def clicks(
    seconds: float, per_second: float = 2.0, rate_hz: int = RATE_HZ, amplitude: float = 0.8
) -> Samples:
    """Return short decaying clicks at an even pace."""
    phase = (seconds_of(seconds, rate_hz) * per_second) % 1.0 / per_second
    sound = np.exp(-phase * 200.0) * np.cos(2 * np.pi * 1800.0 * phase)
    return (amplitude * sound).astype(np.float32)


def music_like(seconds: float, seed: int, rate_hz: int = RATE_HZ) -> Samples:
    """Return notes, a beat and a breath of noise whose timbre, pace and register depend on the seed."""
    random = np.random.default_rng(seed)
    times = seconds_of(seconds, rate_hz)
    pace = random.uniform(1.0, 5.0)
    root_hz = random.uniform(80.0, 500.0)
    slope = random.uniform(0.3, 2.5)
    inharmonic = random.uniform(0.0, 0.04)
    decay = random.uniform(1.0, 12.0)
    scale = np.array([0, 2, 4, 5, 7, 9, 11, 12]) if seed % 2 else np.array([0, 2, 3, 5, 7, 8, 10, 12])
    n_notes = int(seconds * pace) + 1
    pitches = root_hz * 2.0 ** (random.choice(scale, n_notes) / 12)
    note = np.minimum((times * pace).astype(int), n_notes - 1)
    phase = 2 * np.pi * np.cumsum(pitches[note]) / rate_hz
    within_s = times - note / pace
    envelope = np.exp(-within_s * decay) * (1 - np.exp(-within_s * 300.0))
    sound = np.zeros(len(times))
    for number in range(1, 13):
        partial = number * (1 + inharmonic * (number - 1))
        if partial * pitches.max() < rate_hz / 2:
            sound += number**-slope * np.sin(partial * phase)
    sound *= envelope
    beat = clicks(seconds, pace / random.integers(1, 4), rate_hz, 1.0)[: len(times)]
    sound = _at_peak(sound, 1.0) + random.uniform(0.0, 1.0) * beat
    sound += random.uniform(0.0, 0.15) * random.standard_normal(len(times))
    return _at_peak(sound, FULL_SCALE)


def write(path: Path, samples: Samples, rate_hz: int = RATE_HZ, tags: Tags = None) -> Path:
    """Write samples, (n,) or (n, channels), in the format that the extension names; return the path."""
    if path.suffix.lower() in FFMPEG:
        return encode(path, samples, rate_hz, tags)
    return _write_as(path.suffix.lower(), path, samples, rate_hz, tags)


def write_wav(path: Path, samples: Samples, rate_hz: int = RATE_HZ, tags: Tags = None) -> Path:
    """Write 16-bit WAV, whatever the extension."""
    return _write_as(".wav", path, samples, rate_hz, tags)


def write_flac(path: Path, samples: Samples, rate_hz: int = RATE_HZ, tags: Tags = None) -> Path:
    """Write 16-bit FLAC, whatever the extension."""
    return _write_as(".flac", path, samples, rate_hz, tags)


def write_ogg(path: Path, samples: Samples, rate_hz: int = RATE_HZ, tags: Tags = None) -> Path:
    """Write Ogg Vorbis, whatever the extension."""
    return _write_as(".ogg", path, samples, rate_hz, tags)


def write_mp3(path: Path, samples: Samples, rate_hz: int = RATE_HZ, tags: Tags = None) -> Path:
    """Write MP3, whatever the extension."""
    return _write_as(".mp3", path, samples, rate_hz, tags)


def _write_as(extension: str, path: Path, samples: Samples, rate_hz: int, tags: Tags) -> Path:
    container, subtype = SOUNDFILE[extension]
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    # In pieces: libsndfile's Vorbis encoder overflows the stack when given minutes at once.
    with soundfile.SoundFile(path, "w", rate_hz, channels, subtype, format=container) as file:
        for start in range(0, len(samples), 1 << 16):
            file.write(samples[start : start + (1 << 16)])
    if tags:
        tag(path, tags)
    return path


def encode(path: Path, samples: Samples, rate_hz: int = RATE_HZ, tags: Tags = None) -> Path:
    """Encode with PyAV: AAC in m4a or raw, WMA, WavPack, Opus (which is written at 48 kHz)."""
    codec, container_format = FFMPEG[path.suffix.lower()]
    frames = samples.reshape(len(samples), -1)
    layout = {1: "mono", 2: "stereo"}[frames.shape[1]]
    out_hz = 48_000 if codec == "libopus" else rate_hz
    with av.open(str(path), "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=out_hz, layout=layout)
        if codec == "wavpack":
            stream.format = "s16p"
        else:
            stream.bit_rate = 128_000
        resampler = av.AudioResampler(
            format=stream.codec_context.format.name,
            layout=layout,
            rate=out_hz,
            frame_size=stream.codec_context.frame_size or 4096,
        )
        for frame in (*_frames(frames, layout, rate_hz), None):
            for even in resampler.resample(frame):
                container.mux(stream.encode(even))
        container.mux(stream.encode(None))
    if tags:
        tag(path, tags)
    return path


def _frames(frames: Samples, layout: str, rate_hz: int) -> list[av.AudioFrame]:
    made = []
    for start in range(0, len(frames), rate_hz):
        part = np.ascontiguousarray(frames[start : start + rate_hz].T, np.float32)
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, start, Fraction(1, rate_hz)
        made.append(frame)
    return made


ID3_FRAMES = {"title": id3.TIT2, "artist": id3.TPE1, "album": id3.TALB, "genre": id3.TCON}
ASF_NAMES = {"title": "Title", "artist": "Author", "album": "WM/AlbumTitle", "genre": "WM/Genre"}


def tag(path: Path, tags: Mapping[str, str]) -> None:
    """Write tags named as mutagen's easy interface names them: artist, title, album, genre."""
    file = mutagen.File(path, easy=True)
    if file.tags is None:
        file.add_tags()
    for name, value in tags.items():
        if isinstance(file.tags, id3.ID3):  # wav and aiff have no easy interface
            file.tags.add(ID3_FRAMES[name](encoding=3, text=value))
        elif type(file.tags).__name__ == "ASFTags":
            file.tags[ASF_NAMES[name]] = value
        else:
            file.tags[name] = value
    file.save()


def _at_peak(sound: npt.NDArray[np.float64], peak: float) -> Samples:
    return (sound * (peak / max(1e-9, float(np.abs(sound).max(initial=0.0))))).astype(np.float32)
