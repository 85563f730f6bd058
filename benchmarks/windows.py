"""Why windows are as long as they are: what the model hears in 0.6 to 6 s, and what alerts make of it.

    python -m benchmarks.windows           # prints two tables, writes benchmarks/results/windows.json

A choice of design, so only training speakers are asked, each corpus with a model whose head never heard it
(scripts/fit_tension.py). A voice of one mood is made of a speaker's utterances, one after the other, on one
telephone line; every window of it is scored on its own.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as a script, too

from benchmarks.alerts import Tally, hear, judge, raised
from benchmarks.calls import Call, line, scripted_set
from benchmarks.corpora import LABELS, data_root, load_clip, read_manifest
from benchmarks.telephone import RATE_HZ, Float32, resample
from scripts import train_emotion as training
from scripts.emotion_features import speech
from scripts.fit_tension import model_without
from sentiment_engine import Settings
from sentiment_engine.onnx_model import OnnxEmotionModel

RESULTS = Path(__file__).parent / "results" / "windows.json"
SEED = 11
LENGTHS_S = (0.6, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
VOICE_S = 60.0
"""Speech of one speaker in one mood."""
CHOICES = (  # window_s, hop_s, min_window_s
    (3.0, 1.0, 0.6), (1.5, 1.0, 0.6), (2.0, 1.0, 0.6), (4.0, 1.0, 0.6),
    (3.0, 0.5, 0.6), (3.0, 1.5, 0.6), (3.0, 1.0, 0.5), (3.0, 1.0, 1.0),
)  # fmt: skip
NEUTRAL, ANGRY = LABELS.index("neutral"), LABELS.index("angry")


def main() -> None:
    """Prints the tables; writes the results unless `--quick`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="two speakers, six calls; writes nothing")
    parser.add_argument("--calls", type=int, default=45, help="that heat up, for each corpus")
    options = parser.parse_args()
    heard: dict[str, dict[str, dict[str, float]]] = {}
    calls: list[tuple[Call, OnnxEmotionModel]] = []
    for corpus in training.CORPORA:
        model = model_without(corpus, training.CACHE)
        heard[corpus] = lengths(corpus, model, 2 if options.quick else 12)
        made = scripted_set(
            data_root(),
            split="train",
            corpora=[corpus],
            calls=6 if options.quick else options.calls,
            calm_minutes=8.0 if options.quick else 40.0,
            seed=SEED,
        )
        calls += [(call, model) for call in made]
    shown = Table("window", *(f"{corpus} {name}" for corpus in heard for name in ("AUC", "own calm", "ms")))
    for length_s in LENGTHS_S:
        cells = [row[f"{length_s:g}"] for row in heard.values()]
        shown.add_row(f"{length_s:g} s", *(f"{v:.3f}" for cell in cells for v in cell.values()))
    console = Console(width=120)
    console.print(shown)
    alerts = {}
    table = Table("window, hop, least", "recall", "<= 15 s", "false/h", "delay p50")
    for choice in CHOICES:
        report = alerts["/".join(f"{s:g}" for s in choice)] = on_calls(calls, choice)
        names = ("recall", "recall_within_15_s", "false_alarms_per_hour", "delay_p50_s")
        table.add_row(" / ".join(f"{s:g} s" for s in choice), *(str(report[name]) for name in names))
    console.print(table)
    if not options.quick:
        command = f"python -m benchmarks.windows --calls {options.calls}"
        result = {"command": command, "seed": SEED, "lengths": heard, "calls": alerts}
        RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def voice(clips: Sequence[Any], rng: np.random.Generator) -> Float32:
    """Utterances of one speaker in one mood, shuffled, without their silence, up to VOICE_S."""
    parts: list[Float32] = []
    for index in rng.permutation(len(clips)):
        samples, rate_hz = load_clip(clips[index])
        parts.append(resample(speech(samples, rate_hz), rate_hz, RATE_HZ))
        if sum(map(len, parts)) >= VOICE_S * RATE_HZ:
            break
    return np.concatenate(parts)[: int(VOICE_S * RATE_HZ)]


def lengths(corpus: str, model: OnnxEmotionModel, speakers: int) -> dict[str, dict[str, float]]:
    """For each window length: AUC of angry against all else, of angry against own calm, milliseconds."""
    clips = [clip for clip in read_manifest(data_root(), split="train", corpus=corpus) if clip.emotion]
    names = sorted({clip.speaker for clip in clips})
    rng = np.random.default_rng([SEED, *corpus.encode()])
    picked = [names[i] for i in rng.permutation(len(names))[:speakers]]
    voices: list[tuple[str, int, Float32]] = []
    for name in picked:
        for label, mood in enumerate(LABELS):
            own = [clip for clip in clips if clip.speaker == name and clip.emotion == mood]
            audio = voice(own, rng)
            voices.append((name, label, line(audio, audio, rng)))
    out = {}
    for length_s in LENGTHS_S:
        size = round(length_s * RATE_HZ)
        rows = [
            (name, label, audio[start : start + size])
            for name, label, audio in voices
            for start in range(0, len(audio) - size + 1, max(size, RATE_HZ))
        ]
        started = time.perf_counter()
        scores = np.asarray(model([samples for _, _, samples in rows]), np.float64)
        took_ms = 1000 * (time.perf_counter() - started) / len(rows)
        labels = np.array([label for _, label, _ in rows])
        speakers_of = np.array([name for name, _, _ in rows])
        hot = np.log(scores[:, ANGRY] + 1e-3) - np.log(scores[:, NEUTRAL] + 1e-3)
        for name in picked:
            hot[speakers_of == name] -= hot[(speakers_of == name) & (labels == NEUTRAL)].mean()
        two = np.isin(labels, (ANGRY, NEUTRAL))
        out[f"{length_s:g}"] = {
            "anger_auc_raw": round(auc(labels == ANGRY, scores[:, ANGRY]), 4),
            "anger_auc_own_calm": round(auc(labels[two] == ANGRY, hot[two]), 4),
            "ms": round(took_ms, 3),
        }
    return out


def auc(positive: np.typing.NDArray[np.bool_], scores: np.typing.NDArray[np.float64]) -> float:
    """Probability that a positive scores above a negative; ties count half."""
    high, low = scores[positive], np.sort(scores[~positive])
    below = np.searchsorted(low, high, "left") + np.searchsorted(low, high, "right")
    return float(below.mean() / 2 / len(low))


def on_calls(
    calls: Sequence[tuple[Call, OnnxEmotionModel]], choice: tuple[float, float, float]
) -> dict[str, object]:
    """Alerts on scripted calls with these windows and otherwise the settings in force; not cheerful ones."""
    defaults = Settings()
    window_s, hop_s, least_s = choice
    windows = msgspec.structs.replace(defaults.windows, window_s=window_s, hop_s=hop_s, min_window_s=least_s)
    settings = msgspec.structs.replace(defaults, windows=windows)
    tally = Tally()
    for call, model in calls:
        if call.truth.script not in ("cheerful", "hot_start"):
            tally.add(call.truth, raised(judge(hear(call, settings, model), settings, model.labels)))
    return tally.report()


if __name__ == "__main__":
    main()
