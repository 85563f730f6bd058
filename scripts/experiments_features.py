"""What the experiments need to know of a window beyond the shipped pooling, cached take by take.

The windows are those of scripts/emotion_features.py: the same take of the same clip with the same seed. Kept
of each: several statistics of every stage of the frozen trunk, block 2 also at the full token rate, prosody,
and the log-mel itself for the rows that run a trunk in torch.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from benchmarks.corpora import Clip
from scripts.emotion_features import PROCESSES, RATE_HZ, Float32, Take, make_session, window
from scripts.emotion_graph import HALVED, STAGES, feature_model, trunk_model
from scripts.train_emotion import SEED, refuse_other_splits

Half = npt.NDArray[np.float16]

PITCH_FRAME, PITCH_HOP, PITCH_FFT = 320, 160, 512
PITCH_LAGS = slice(16, 115)  # 70-500 Hz at 8 kHz
OCTAVE_COST = 0.03 * np.log2(np.arange(16, 115) / 16)  # a multiple of the period fits as well as the period
VOICED = 0.5  # normalised correlation
ACTIVE_DB = -30.0  # below the loudest frame


def hear(clips: Sequence[Clip], take: Take, trunk: Path, cache: Path) -> Path:
    """The .npz with everything heard in one take of `clips`, made if it is not there.

    Arrays: `<stage>.<statistic>` and `prosody`, each (clips, size); `mels` (80, all frames) and the number of
    `frames` (clips,).
    """
    refuse_other_splits(clips)
    key = hashlib.sha256(repr((take, SEED)).encode())
    for clip in clips:
        key.update(f"{clip.corpus}/{clip.path.name}".encode())
    file = cache / f"heard-{take.name}-{key.hexdigest()[:16]}.npz"
    if file.is_file():
        return file
    networks = token_models(trunk)
    with multiprocessing.get_context("spawn").Pool(PROCESSES, _start, (networks,)) as pool:
        heard = pool.map(partial(_hear_one, take=take), clips, chunksize=64)
    arrays = {name: np.stack([row[name] for row, _ in heard]) for name in heard[0][0]}
    arrays["mels"] = np.concatenate([mel for _, mel in heard], axis=1)
    arrays["frames"] = np.array([mel.shape[1] for _, mel in heard])
    cache.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".part.npz")
    np.savez(unfinished, **arrays)
    unfinished.rename(file)
    print(f"heard {take.name}: {len(clips)} windows", flush=True)
    return file


def token_models(trunk: Path) -> tuple[bytes, bytes]:
    """Two networks of samples: the shipped trunk's log-mel and tokens; block 2 reading every token."""
    shipped = trunk_model(trunk, (0, 1, 2))
    full = trunk_model(trunk, (2,))
    for node in full.graph.node:
        for index, name in enumerate(node.input):
            if name == HALVED:
                node.input[index] = STAGES[1]
    made = []
    for back in (shipped, full):
        model = onnx.compose.merge_models(
            feature_model(), back, io_map=[("input_features", "input_features")]
        )
        if back is shipped:
            model.graph.output.append(onnx.helper.make_tensor_value_info("input_features", 1, [1, 80, None]))
        made.append(model.SerializeToString())
    return made[0], made[1]


_sessions: list[onnxruntime.InferenceSession]


def _start(networks: Sequence[bytes]) -> None:
    global _sessions  # noqa: PLW0603  one runtime per worker process, made when the worker starts
    _sessions = [make_session(network) for network in networks]


def _hear_one(clip: Clip, take: Take) -> tuple[dict[str, Float32], Half]:
    samples = window(clip, take, SEED)
    *tokens, mel = (output[0] for output in _sessions[0].run(None, {"samples": samples[None]}))
    (full,) = (output[0] for output in _sessions[1].run(None, {"samples": samples[None]}))
    loud = 10 ** (4 * (mel.mean(axis=0) - mel.mean(axis=0).max()))  # mel is a quarter of log10 of the power
    row = {"prosody": prosody(samples)}
    for name, stream in zip(("0", "1", "2", "2full", "mel"), (*tokens, full, mel.T), strict=True):
        for statistic, value in statistics(stream, loud).items():
            if statistic in {"mean", "std"} or name in {"1", "2", "mel"}:
                row[f"{name}.{statistic}"] = value.astype(np.float32)
    return row, mel.astype(np.float16)


def statistics(stream: Float32, loud: Float32) -> dict[str, Float32]:
    """Of a stream (tokens, size) over time; `loud`, the power of each frame, at any rate, weighs tokens."""
    at = np.linspace(0, len(loud) - 1, len(stream)).round().astype(int)
    share = loud[at] / loud[at].sum()
    weighted = share @ stream
    steps = np.abs(np.diff(stream, axis=0)) if len(stream) > 1 else np.zeros_like(stream)
    low, high = np.percentile(stream, [10, 90], axis=0)
    return {
        "mean": stream.mean(axis=0),
        "std": stream.std(axis=0),
        "delta": steps.mean(axis=0),
        "loud_mean": weighted,
        "loud_std": np.sqrt(np.maximum(share @ np.square(stream - weighted), 0)),
        "low": low,
        "high": high,
    }


def prosody(samples: Float32) -> Float32:
    """Twelve statistics of pitch, voicing and rhythm of a window at 8 kHz; nan where nothing is voiced."""
    taper = np.hanning(PITCH_FRAME)
    framed = np.lib.stride_tricks.sliding_window_view(samples, PITCH_FRAME)[::PITCH_HOP] * taper
    power = np.square(np.abs(np.fft.rfft(framed, PITCH_FFT)))
    power[:, PITCH_FFT * 1500 // RATE_HZ :] = 0
    correlation = np.fft.irfft(power)
    own = np.fft.irfft(np.square(np.abs(np.fft.rfft(taper, PITCH_FFT))))
    energy = np.maximum(correlation[:, 0], 1e-12)
    normal = correlation[:, PITCH_LAGS] / energy[:, None] / (own[PITCH_LAGS] / own[0]) - OCTAVE_COST
    decibels = 10 * np.log10(energy / energy.max())
    active = decibels > ACTIVE_DB
    harmonic = normal.max(axis=1)
    voiced = active & (harmonic > VOICED)
    pitch = 12 * np.log2(RATE_HZ / (normal.argmax(axis=1) + PITCH_LAGS.start) / 100)[voiced]
    steps = np.diff(decibels)[active[1:]]
    bursts = np.count_nonzero(np.diff(active.astype(int)) == 1) / (len(samples) / RATE_HZ)
    tone = [np.nan] * 5
    if len(pitch) >= 4:
        low, middle, high = np.percentile(pitch, [20, 50, 80])
        tone = [low, middle, high, pitch.std(), np.abs(np.diff(pitch)).mean()]
    beat = [voiced.sum() / active.sum(), harmonic[active].mean(), decibels[active].mean()]
    beat += [decibels[active].std(), np.abs(steps).mean() if len(steps) else 0.0, bursts, active.mean()]
    return np.array(tone + beat, np.float32)
