"""A convolution wide in frequency, and its maximum over frequency, by way of Fourier transforms.

A filter that covers 38 of 96 bands, at 59 positions, costs 38 products a position. In the Fourier transform
along the bands each of 49 coefficients costs but one, whatever the filter's width (the circular
convolution theorem; no position wraps around, since the transform is as long as the input). The way back is
a product of matrices, and half of one: counted from the middle position, the outputs at q and −q are E + O
and E − O (even and odd part), and the greater of the two is E + |O|. In all a seventh of the operations.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from classifier.arrays import Array


@dataclass(frozen=True)
class Spectral:
    """Matrices that compute the maximum over all positions of the filters of one branch.

    Attributes
    ----------
    even, odd
        (coefficients, filters, 2, taps): products with the real and the imaginary part of the input's
        transform, summed over the taps in time, give what `cosines` and `sines` turn into the even and
        the odd part.
    cosines, sines
        (positions, coefficients), for the positions from the middle one upwards.
    """

    even: Array
    odd: Array
    cosines: Array
    sines: Array


def transform(n_bands: int) -> Array:
    """Return the matrix of the Fourier transform of real input, (2 · coefficients, bands).

    Real and imaginary parts take turns; there are 1 + bands // 2 coefficients.
    """
    waves = np.exp(-2j * np.pi * np.outer(_coefficients(n_bands), np.arange(n_bands)) / n_bands)
    return np.stack([waves.real, waves.imag], axis=1).reshape(-1, n_bands).astype(np.float32)


def spectral(kernel: Array, n_bands: int) -> Spectral:
    """Return what computes the greatest output of each filter over all its positions in frequency.

    Parameters
    ----------
    kernel
        (taps, width, filters), correlated with (time, bands) as convolutional layers do.
    n_bands
        Bands of the input.
    """
    width = kernel.shape[1]
    middle = (n_bands - width) / 2
    number = _coefficients(n_bands)
    waves = np.exp(2j * np.pi * np.outer(number, np.arange(width) + middle) / n_bands)
    found = np.einsum("twf,cw->cft", kernel.astype(np.float64), waves)
    # A real signal's other coefficients mirror these; 0 and the highest of an even length have no mirror.
    alone = (number == 0) | (2 * number == n_bands)
    found *= (np.where(alone, 1, 2) / n_bands)[:, None, None]
    positions = np.arange(n_bands - width + 1) - middle
    angles = 2 * np.pi * np.outer(positions[positions >= 0], number) / n_bands
    return Spectral(
        even=np.stack([found.real, -found.imag], axis=2).astype(np.float32),
        odd=np.stack([found.imag, found.real], axis=2).astype(np.float32),
        cosines=np.cos(angles).astype(np.float32),
        sines=np.sin(angles).astype(np.float32),
    )


def _coefficients(n_bands: int) -> npt.NDArray[np.int64]:
    return np.arange(1 + n_bands // 2)
