"""How well the emotion model hears: figures on speakers, corpora and languages it was never trained on.

    python -m benchmarks.emotion           the reported figures, some 25 minutes; less once cached
    python -m benchmarks.emotion --quick   a few dozen clips, for continuous integration; writes nothing

All audio goes through a telephone line (benchmarks/telephone.py) unless a figure says `wide`. Figures are
means over telephone lines (seeds), with 95 % intervals from resampling speakers. What is known of a speaker:

- `anger_auc_raw`, `anger_auc_four` (neutral, happy, sad and angry clips only), UAR, ECE: nothing. Every clip
  is alone and has a line of its own; the score is the probability of angry.
- `anger_auc`, running normalisation: a calm lead-in, as the engine has in a call that begins calm. Of every
  speaker, neutral clips of about 30 s are drawn, **known to be calm**, and left out of the test; at most half
  of that speaker's neutral speech, which in ASED is a few seconds, and none of a speaker without neutral
  clips (`lead_in_s` in the results). The engine's own `Baseline`, default settings, hears them as 3 s
  windows; it is told no label and weighs them by its own lights. Each other clip is then judged against that
  baseline, which it does not teach; the score is `Relative.anger`. All of a speaker's audio, lead-in and
  test, goes over one line. With the lead-in go easy negatives: `anger_auc_same_clips` is the probability of
  angry, nothing known, on the remaining clips over that same line.
- `anger_auc_shuffled`: no label at all. The speaker's clips come in random order over that line and the
  baseline learns from each after judging it, as far as it finds it calm: half of it is no calm at all, which
  is harder than a call.

`relative` holds what scores beside the speaker's own calm voice are worth, benchmarks/emotion_relative.py.

`int8_loss` is what the shipped graph loses to itself in float (scripts/emotion_graph.py, `float_model`): the
same weights and head, four-class UAR and anger AUC with nothing known, in points, over the first line.

AUC is angry against all other of our five labels, pooled over the speakers of a corpus. The baselines are
trained on the shipped head's own clips and takes and hear the same windows; eGeMAPS, being slow, fewer.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as a script, too

from benchmarks.corpora import Clip, data_root, read_manifest
from benchmarks.emotion_bench import PHONE, Bench
from benchmarks.emotion_ears import Network, hear_takes
from benchmarks.emotion_fairness import fairness
from benchmarks.emotion_figures import Figure, measure, recall, speakers_of
from benchmarks.emotion_relative import relative
from benchmarks.emotion_show import show, speed
from benchmarks.emotion_systems import BASELINES, System, baselines, in_float, same_features, shipped
from scripts.emotion_graph import pooled_model
from scripts.emotion_head import balanced_weights, fit_head
from scripts.train_emotion import CACHE, MODEL, SEED, STAGES, TAKES, find_trunk, training_clips
from sentiment_engine.onnx_model import load_emotion_model

RESULTS = Path(__file__).resolve().parent / "results" / "emotion.json"
CORPORA = ("tess", "ased", "casia")
RAVDESS_FOLDS = (  # test actors, EmoBox (arXiv 2406.07162)
    (1, 11, 20, 21), (4, 10, 12, 14), (8, 9, 19, 23), (3, 5, 7, 24), (2, 15, 16, 18), (6, 13, 17, 22),
)  # fmt: skip
RAVDESS_STRENGTH = 0.003
"""For every system; models/EXPERIMENTS.md has it for blocks 1 + 2 + log-mel."""
RAVDESS_TAKES = 4
"""Augmented takes beside the whole utterances."""


def main() -> None:
    """Measure everything, print it, write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few dozen clips, one line; writes nothing")
    parser.add_argument("--seeds", type=int, default=3, help="telephone lines that each clip goes over")
    options = parser.parse_args()
    if options.quick:
        with tempfile.TemporaryDirectory() as cache:
            show(measured(few, Path(cache), [SEED], quick=True), CORPORA)
        return
    results = measured(list, CACHE, list(range(SEED, SEED + options.seeds)), quick=False)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    show(results, CORPORA)


def measured(
    pick: Callable[[list[Clip]], list[Clip]], cache: Path, seeds: Sequence[int], *, quick: bool
) -> dict[str, Any]:
    """All results, on the clips that `pick` leaves; `quick` leaves out eGeMAPS and the trunk's own file."""
    root, model = data_root(), load_emotion_model(MODEL)
    eval_clips = pick([clip for clip in read_manifest(root, split="eval", corpus=CORPORA) if clip.emotion])
    ravdess = pick(read_manifest(root, split="train", corpus="ravdess"))
    takes = TAKES[:1] if quick else TAKES
    system = shipped(MODEL, model, takes, seeds)
    trunk = front = system.ear
    if not quick:  # the trunk as it was trained on, whose features training has left in the cache
        trunk = Network(pooled_model(find_trunk(None), STAGES, mel=True).SerializeToString())
        system = dataclasses.replace(system, ear=trunk) if same_features(front, trunk) else system
    rivals = baselines(
        pick(training_clips(root)), trunk, takes, cache, seeds=seeds, seed=SEED, with_egemaps=not quick
    )
    print(f"{[rival.name for rival in rivals]} fitted; now RAVDESS in folds", file=sys.stderr)
    bench = Bench.of(eval_clips, cache)
    metrics: dict[str, Any] = {"ravdess8_uar": ravdess8(ravdess, system, cache)}
    print(f"now {len(eval_clips)} clips of {', '.join(CORPORA)} over {len(seeds)} lines", file=sys.stderr)
    metrics |= bench.accuracy(system) | bench.other_lines(system) | fairness(bench, system)
    metrics["relative"] = relative(bench, system)
    metrics["int8_loss"] = bench.int8_loss(system, in_float(system, MODEL))
    metrics["anger_auc_mean"] = metrics["anger_auc"]["mean"]
    metrics["clips"] = {name: int((bench.corpora == name).sum()) for name in bench.speakers}
    metrics["speakers"] = {name: len(speakers) for name, speakers in bench.speakers.items()}
    print("now the baselines on all of these", file=sys.stderr)
    rows = {
        rival.name: {"ravdess8_uar": ravdess8(ravdess, rival, cache)}
        | bench.accuracy(rival)
        | {"takes": len(rival.takes), "lines": len(rival.seeds)}
        for rival in rivals
    }
    absent = {"not_measured": "left out by --quick" if quick else "install opensmile"}
    metrics["baselines"] = {name: rows.get(name, absent) for name in BASELINES}
    metrics["ms_per_window"] = speed(model)
    metrics["size_bytes"] = MODEL.stat().st_size
    return {
        "command": "python -m benchmarks.emotion",
        "model_sha256": model.sha256,
        "seeds": list(seeds),
        "metrics": metrics,
        "lead_in_s": bench.lead_in_s(system),
        "reliability": bench.reliability(system),
    }


def few(clips: list[Clip]) -> list[Clip]:
    """For --quick: of two speakers a corpus, three clips of each emotion."""
    speakers: dict[str, list[str]] = {}
    kept: dict[tuple[str, ...], list[Clip]] = {}
    for clip in clips:
        known = speakers.setdefault(clip.corpus, [])
        if clip.speaker not in known and len(known) < 2:
            known.append(clip.speaker)
        if clip.speaker in known:
            kept.setdefault((clip.corpus, clip.speaker, clip.raw_emotion), []).append(clip)
    return [clip for own in kept.values() for clip in own[:3]]


def ravdess8(clips: Sequence[Clip], system: System, cache: Path) -> dict[str, Any]:
    """UAR in percent over all eight RAVDESS classes, pooled over EmoBox's folds, a head per fold.

    The head hears whole utterances and augmented takes of the other actors, on the features that the system
    reads, and is asked about whole utterances.
    """
    labels = np.unique([clip.raw_emotion for clip in clips], return_inverse=True)[1].astype(np.int64)
    speakers = np.array([clip.speaker for clip in clips])
    actors = np.array([int(name.removeprefix("Actor_")) for name in speakers])
    takes = [PHONE, *system.takes[:RAVDESS_TAKES]]
    figures: list[Figure] = []
    for seed in system.seeds:
        heard = [hear_takes(system.ear, clips, take, cache, seed=seed) for take in takes]
        pooled = [windows.pooled[:, system.columns] for windows in heard]
        guesses = np.zeros(len(labels), np.int64)
        for test in (np.isin(actors, fold) for fold in RAVDESS_FOLDS):
            if not test.any():
                continue
            train = np.tile(np.flatnonzero(~test), len(takes))
            weights = balanced_weights(labels[train], ["ravdess"] * len(train), speakers[train].tolist())
            learnt = np.concatenate([take[~test] for take in pooled])
            head = fit_head(learnt, labels[train], weights, strength=RAVDESS_STRENGTH)
            guesses[test] = head.logits(pooled[0][test]).argmax(axis=1)
        figures.append(lambda rows, guesses=guesses: 100 * recall(labels[rows], guesses[rows]))
    return measure(figures, [speakers_of(speakers, np.arange(len(labels)))]).report()


if __name__ == "__main__":
    main()
