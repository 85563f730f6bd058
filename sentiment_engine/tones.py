"""Is this block a signalling tone? Keys pressed (DTMF), ringing and busy signals are loud, but nobody speaks.

The tones are standardised, so it is enough to ask how much of a block's energy lies at their frequencies.
A voice puts that much there now and then for a tenth of a second (some 6 % of the blocks of Polish speech on
telephone lines); such a hole in a segment is shorter than the gate's hangover and does no harm.
"""

import numpy as np

from sentiment_engine.frames import BLOCK_SAMPLES, RATE_HZ, Float32, Int16

DTMF_LOW_HZ = (697, 770, 852, 941)
DTMF_HIGH_HZ = (1209, 1336, 1477, 1633)
"""ITU-T Q.23; a key sounds one of each."""
PROGRESS_HZ = ((440, 480), (480, 620), (400, 450), (350, 440), (400,), (425,), (450,))
"""US ringing and busy, UK ringing, dial tone; UK, European and Chinese single tones (ITU-T E.180)."""
NEAR_DTMF_HZ, NEAR_PROGRESS_HZ = 30.0, 20.0
"""A key may be down for 50 ms only, which blurs it; ringing lasts."""
DTMF_SHARE, DTMF_WEAKER_SHARE, PROGRESS_SHARE = 0.7, 0.03, 0.85
"""Of the block's energy: both groups, the weaker of them, one country's tone.

A tone that fills half of a block is blurred: at .9, UK ringing that paused in mid-block passed for a voice.
"""


def _near(tones: tuple[int, ...], within_hz: float) -> Float32:
    """1 for each real and imaginary part of the spectrum that lies near one of ``tones``."""
    hz = np.fft.rfftfreq(BLOCK_SAMPLES, 1 / RATE_HZ).repeat(2)
    near = np.abs(hz[:, None] - np.array(tones)).min(axis=1) <= within_hz
    return np.asarray(near, np.float32)


_WINDOW = np.hanning(BLOCK_SAMPLES).astype(np.float32)
_AT = np.stack(
    [
        np.ones(BLOCK_SAMPLES + 2, np.float32),
        _near(DTMF_LOW_HZ, NEAR_DTMF_HZ),
        _near(DTMF_HIGH_HZ, NEAR_DTMF_HZ),
        *(_near(tones, NEAR_PROGRESS_HZ) for tones in PROGRESS_HZ),
    ],
    axis=1,
)


def is_tone(block: Int16) -> bool:
    """Whether one block of a channel, shape (BLOCK_SAMPLES,), is a signalling tone and little else."""
    whole, low, high, *progress = _powers(block)
    if low + high > DTMF_SHARE * whole and min(low, high) > DTMF_WEAKER_SHARE * whole:
        return True
    return bool(max(progress) > PROGRESS_SHARE * whole)


def is_progress_tone(block: Int16) -> bool:
    """Whether one block, shape (BLOCK_SAMPLES,), is ringing, busy or dial tone: sounds of the far end."""
    whole, _, _, *progress = _powers(block)
    return bool(max(progress) > PROGRESS_SHARE * whole)


def _powers(block: Int16) -> list[float]:
    """Of the whole block, its low and high DTMF tones, and each country's call progress tone."""
    spectrum = np.fft.rfft(block * _WINDOW)
    parts = spectrum.view(spectrum.real.dtype)  # real, imaginary, real, ...
    powers: list[float] = (np.square(parts) @ _AT).tolist()
    return powers
