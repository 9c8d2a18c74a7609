"""The maximum over frequency by Fourier transforms: against plain correlation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.networks.onnx_fourier import spectral, transform


def by_correlation(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Return every filter's greatest output over its positions, (frames, filters), time without padding."""
    taps, width, n_filters = kernel.shape
    frames, positions = len(x) - taps + 1, x.shape[1] - width + 1
    found = np.empty((frames, positions, n_filters))
    for frame in range(frames):
        for position in range(positions):
            seen = x[frame : frame + taps, position : position + width]
            found[frame, position] = np.tensordot(seen, kernel, 2)
    return found.max(axis=1)


def by_transform(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The same from what `spectral` gives, in numpy."""
    n_bands = x.shape[1]
    parts = spectral(kernel, n_bands)
    waves = (transform(n_bands) @ x.T).reshape(-1, 2, len(x))
    taps = np.lib.stride_tricks.sliding_window_view(waves, kernel.shape[0], axis=2)
    even, odd = (np.einsum("cfpt,cpst->cfs", part, taps) for part in (parts.even, parts.odd))
    cosine = np.einsum("qc,cfs->qfs", parts.cosines, even)
    sine = np.einsum("qc,cfs->qfs", parts.sines, odd)
    return (cosine + np.abs(sine)).max(axis=0).T


@given(st.integers(1, 4), st.integers(1, 24), st.integers(0, 12), st.integers(1, 3), st.integers(0, 99))
def test_the_same_as_correlation(taps: int, width: int, more: int, filters: int, seed: int) -> None:
    """Odd and even numbers of bands and of positions; one position; filters of one band."""
    random = np.random.default_rng(seed)
    kernel = random.normal(size=(taps, width, filters)).astype(np.float32)
    x = random.normal(size=(taps + 2, width + more)).astype(np.float32)
    np.testing.assert_allclose(by_transform(x, kernel), by_correlation(x, kernel), atol=1e-4)


@pytest.mark.parametrize("band", [0, 9, 37, 38, 95])
def test_nothing_wraps_around_the_ends(band: int) -> None:
    """One loud band, and a filter that sees the end of what it covers alone."""
    x = np.zeros((1, 96), np.float32)
    x[0, band] = 1
    kernel = np.zeros((1, 38, 2), np.float32)
    kernel[0, 0, 0] = kernel[0, 37, 1] = 1
    expected = [float(band <= 58), float(band >= 37)]
    np.testing.assert_allclose(by_transform(x, kernel)[0], expected, atol=1e-6)
