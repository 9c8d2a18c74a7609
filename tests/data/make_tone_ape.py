"""Make tone.ape, the smallest Monkey's Audio file that can be analysed: no FFmpeg encodes that format.

Run as ``PYTHONPATH=. python tests/data/make_tone_ape.py`` where Debian's package libjmac-java is installed;
its encoder is all that is needed of it. The sound is that of `sound` here, so that a test can compare.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np

from tests import synth

OUT = Path(__file__).resolve().parent / "tone.ape"
RATE_HZ = 8000
SECONDS = 3.2


def sound() -> synth.Samples:
    """Return the samples of both its channels, before they became 16-bit."""
    return synth.tone(SECONDS, 220.0, RATE_HZ, amplitude=0.02)


def main() -> None:
    """Encode."""
    with tempfile.TemporaryDirectory() as folder:
        OUT.unlink(missing_ok=True)  # which the encoder would leave as it is
        # Of one channel alone it makes a larger file.
        wav = synth.write_wav(Path(folder) / "tone.wav", np.stack([sound()] * 2, axis=1), RATE_HZ)
        subprocess.run(["jmac", "c2", str(wav), str(OUT)], check=True)


if __name__ == "__main__":
    main()
