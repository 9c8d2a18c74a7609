"""Key: cadences of known keys, in any tuning; names and neighbours."""

import numpy as np
import pytest

from classifier.measures import key

RATE_HZ = 16_000
MAJOR_CADENCE = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7))
MINOR_CADENCE = ((0, 3, 7), (5, 8, 12), (7, 10, 14), (0, 3, 7))


def cadence(tonic: int, mode: str, cents: float = 0.0) -> np.ndarray:
    """Return chords I IV V I of a key, four times; a tonic of 0 is C."""
    times = np.arange(RATE_HZ) / RATE_HZ
    chords = MAJOR_CADENCE if mode == "major" else MINOR_CADENCE
    sound = []
    for chord in chords * 4:
        notes = [48 + tonic + note + cents / 100 for note in (*chord, chord[0] - 12)]
        hz = [440 * 2 ** ((note - 69) / 12) for note in notes]
        sound.append(sum(0.1 / n * np.sin(2 * np.pi * n * f * times) for f in hz for n in (1, 2, 3)))
    return np.concatenate(sound).astype(np.float32)


@pytest.mark.parametrize("mode", key.MODES)
@pytest.mark.parametrize(("tonic", "cents"), [(0, 0), (3, 0), (6, 30), (9, -30), (11, 45)])
def test_the_key_of_a_cadence(tonic: int, mode: str, cents: float) -> None:
    found = key.key_of([key.chroma(cadence(tonic, mode, cents), RATE_HZ)], [16.0])
    assert found is not None
    assert found.name == f"{key.PITCH_CLASSES[tonic]} {mode}"
    assert found.confidence > 0.6


@pytest.mark.parametrize("rate_hz", [4_000, 22_050, 44_100])
def test_chroma_is_the_same_at_any_rate(rate_hz: int) -> None:
    import soxr

    samples = cadence(2, "minor")
    other = soxr.resample(samples, RATE_HZ, rate_hz)
    np.testing.assert_allclose(key.chroma(other, rate_hz), key.chroma(samples, RATE_HZ), atol=0.02)


def test_the_chroma_of_one_tone_is_its_pitch_class() -> None:
    times = np.arange(6 * RATE_HZ) / RATE_HZ
    for hz, name in ((440.0, "A"), (261.63, "C"), (92.5, "F#")):
        classes = key.chroma((0.5 * np.sin(2 * np.pi * hz * times)).astype(np.float32), RATE_HZ)
        assert classes.shape == (3, 12)
        assert np.all(classes[:, key.PITCH_CLASSES.index(name)] > 0.98)


def test_of_silence_there_is_no_key() -> None:
    assert key.key_of([key.chroma(np.zeros(5 * RATE_HZ, np.float32), RATE_HZ)], [5.0]) is None


def test_less_is_believed_of_what_changes() -> None:
    steady = key.key_of([key.chroma(cadence(0, "major"), RATE_HZ)] * 2, [16.0, 16.0])
    changing = key.key_of([key.chroma(cadence(t, "major"), RATE_HZ) for t in (0, 6)], [16.0, 15.0])
    assert steady is not None
    assert changing is not None
    assert changing.confidence < steady.confidence - 0.1


def test_profiles_have_mean_0_and_turn_with_the_tonic() -> None:
    profiles = key._profiles(0.5)
    np.testing.assert_allclose(profiles.sum(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(profiles[7], np.roll(profiles[0], 7))
    np.testing.assert_allclose(profiles[19], np.roll(profiles[12], 7))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("A minor", "A minor"),
        ("am", "A minor"),
        ("A", "A major"),
        ("AM", "A major"),
        ("f sharp minor", "F# minor"),
        ("Bb", "A# major"),
        ("bbm", "A# minor"),
        ("Cb maj", "B major"),
        ("C♯min", "C# minor"),
        ("e-flat major", "D# major"),
        ("8A", "A minor"),
        ("8b", "C major"),
        ("9A", "E minor"),
        ("1A", "G# minor"),
        ("12B", "E major"),
        ("4A", "F minor"),
        ("0A", None),
        ("13B", None),
        ("H", None),
        ("A dorian", None),
        ("", None),
    ],
)
def test_keys_as_they_are_written(text: str, name: str | None) -> None:
    assert key.key_named(text) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("C major", {"G major", "F major", "A minor"}),
        ("A minor", {"E minor", "D minor", "C major"}),
        ("F# minor", {"C# minor", "B minor", "A major"}),
        ("A# major", {"F major", "D# major", "G minor"}),
    ],
)
def test_neighbours_on_the_circle_of_fifths(name: str, expected: set[str]) -> None:
    assert set(key.neighbours(name)) == expected
