"""Fits the numbers of BaselineSettings, TensionSettings and AlertSettings to calls of training speakers.

    python scripts/fit_tension.py                 hears the calls once (some ten minutes), then fits (twenty)
    python scripts/fit_tension.py --trials 0      only says what the settings in force are worth on them

The tuning calls (benchmarks/calls) are of split `train`: RAVDESS and nEMO, each heard with a model whose head
never saw that corpus, as a customer's call would be, and calm scripts of emospeech_rakshak (real telephones,
weak labels, never trained on). Every call is judged twice, the second time as if each party spoke a language
in which the model hears more, or less, anger throughout (`shifted`). Speakers of the eval split are never
touched here: benchmarks/alerts.py reports on them.

1. A seeded random search around the settings in force looks for the numbers of the baseline and of the
   evidence (`RANGES`) that catch most escalations at few false alarms: the mean over `BUDGETS` of what the
   best threshold within the budget catches, six tenths of it within 10 s of the onset.
2. Given those, the weights of the causes are fitted by logistic regression on seconds, calm or hot, with no
   weight below zero: the level is the probability that a second of these calls is hot, where `HOT_SHARE` of
   them are. A cause that tells nothing here keeps the least weight, `LEAST`; none has more than `MOST`.
3. `raise_at` is the threshold that catches most within `BUDGET`, and the others follow from it.

The numbers in force are what `--trials 300` printed when the search began at earlier settings, set by hand;
begun at those in force it goes on from there, and does not print them again. `raise_at` was read off its
curve (0.96 at `FITTED_SHARE`, hence 0.69). All that is in neither `RANGES` nor `WEIGHTS` is set by hand.
Needs the `train` extra and the data; what was heard is kept in .cache/calls.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pickle
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.alert_hearing import Heard, hear_all  # noqa: E402
from benchmarks.calls import Studio, Truth, counts_for, recipes  # noqa: E402
from benchmarks.corpora import LABELS, data_root  # noqa: E402
from scripts import train_emotion as training  # noqa: E402
from scripts.emotion_graph import emotion_model, pooled_model  # noqa: E402
from scripts.experiments_loco import WEAK_CORPUS  # noqa: E402
from sentiment_engine import Settings  # noqa: E402
from sentiment_engine.emotion import Baseline, Window  # noqa: E402
from sentiment_engine.errors import BadSettings  # noqa: E402
from sentiment_engine.events import Party, Snapshot, Voice  # noqa: E402
from sentiment_engine.listening import Tick  # noqa: E402
from sentiment_engine.onnx_model import OnnxEmotionModel, load_emotion_model  # noqa: E402
from sentiment_engine.tension import Tension  # noqa: E402

SEED = 7
PARTIES: tuple[Party, ...] = ("agent", "customer")
LANGUAGE_SHIFT = 1.0
"""Standard deviation of the log odds by which `shifted` moves a party's anger."""
UNHEARD_SPREAD = 0.5
"""And by which it moves each window's."""
BUDGETS = (0.3, 1.0, 3.0)
"""False alarms per hour at which the search looks: one rate alone is too few alarms to tell by."""
BUDGET = 0.3
THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.69, 0.73, 0.77, 0.81, 0.85, 0.9, 0.95)
CLEAR_SHARE = 0.6
"""`clear_at` over `raise_at`."""
FITTED_SHARE, HOT_SHARE = 0.1, 0.01
"""Of all seconds that are hot: when the weights are fitted, and when the level is read as a probability. The
bias moves from one to the other by the difference of their log odds (King and Zeng 2001)."""
LEAST, MOST = 0.05, 5.0
QUICK_S = 10.0
SILENCE = Snapshot(overlap_ratio=0.0, interruptions={}, silence_s=0.0)
RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "baseline": {
        "prior_anger": (-3.0, 2.0),
        "prior_stirred": (-1.0, 2.5),
        "prior_spread": (0.4, 1.6),
        "least_spread": (0.4, 1.4),
        "prior_doubt": (0.0, 3.0),
        "others": (0.0, 0.5),
        "prior_s": (1.0, 15.0),
        "memory_s": (30.0, 150.0),
        "calm_below": (1.0, 4.0),
        "hold": (0.5, 8.0),
    },
    "tension": {
        "anger_most": (2.0, 6.0),
        "stirred_share": (0.0, 1.0),
        "effort_loud": (0.0, 0.8),
        "effort_high": (0.0, 0.8),
        "effort_fast": (0.0, 0.4),
        "effort_most": (0.3, 3.0),
        "anger_drift": (0.8, 3.0),
        "anger_limit": (3.0, 9.0),
        "noisy_db": (0.0, 25.0),
        "uncertain_discount": (0.0, 0.8),
        "idle_half_life_s": (10.0, 60.0),
    },
}
WEIGHTS = ("anger_weight", "mutual_weight", "overlap_weight", "interruption_weight", "louder_weight",
           "higher_weight", "faster_weight")  # fmt: skip
"""Of TensionSettings, in the order of `features`. The calls have no silence to speak of: its weight is set by
hand, as are those of words."""


@dataclass(frozen=True, slots=True)
class Said:
    """A window with its scores."""

    at_s: float
    party: Party
    scores: Mapping[str, float]
    voice: Voice


@dataclass(frozen=True, slots=True)
class Second:
    """A second of a call."""

    at_s: float
    idle: Mapping[Party, bool]
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Track:
    """All that rules can be tried on, and the truth."""

    truth: Truth
    log: tuple[Said | Second, ...]

    @classmethod
    def of(cls, heard: Heard) -> Track:
        """What a heard call comes to."""
        log: list[Said | Second] = []
        for note, scores in heard.log:
            if isinstance(note, Window) and scores is not None:
                published = {label: round(float(p), 4) for label, p in zip(LABELS, scores, strict=True)}
                log.append(Said(note.at_s, note.party, published, note.voice))
            elif isinstance(note, Tick):
                log.append(Second(note.at_s, note.idle, note.snapshot))
        return cls(heard.truth, tuple(log))

    def shifted(self, rng: np.random.Generator) -> Track:
        """The call as if each party spoke a language in which the model hears more, or less, anger.

        Mandarin or Amharic move the calm voice of a party by more than English and Polish differ between
        them: settings tuned on two languages alone would trust the prior too much. A voice also varies more
        from window to window in a language the model does not know.
        """
        odds = {party: float(np.exp(rng.normal(0.5, LANGUAGE_SHIFT))) for party in PARTIES}
        log: list[Said | Second] = []
        for one in self.log:
            if isinstance(one, Said):
                factor = odds[one.party] * float(np.exp(rng.normal(0.0, UNHEARD_SPREAD)))
                moved = {label: p * (factor if label == "angry" else 1.0) for label, p in one.scores.items()}
                total = sum(moved.values())
                log.append(Said(one.at_s, one.party, {k: p / total for k, p in moved.items()}, one.voice))
            else:
                log.append(one)
        return Track(self.truth, tuple(log))

    def judged(self, settings: Settings) -> Iterator[tuple[float, float, Tension, Snapshot]]:
        """Window by window and second by second: media time, level, what is behind it."""
        tension, snapshot = Tension(settings.tension, PARTIES), SILENCE
        baselines = {party: Baseline(settings.baseline) for party in PARTIES}
        for one in self.log:
            if isinstance(one, Said):
                evidence = tension.evidence(one.party)
                relative = baselines[one.party].compare(one.scores, one.voice, evidence)
                tension.hear(one.party, relative, one.voice.new_speech_s)
                level = tension.tick(0.0, {}, snapshot)
            else:
                snapshot = one.snapshot
                level = tension.tick(1.0, one.idle, snapshot)
            yield one.at_s, level.level, tension, snapshot


def model_without(corpus: str, cache: Path) -> OnnxEmotionModel:
    """See `model_path_without`."""
    return load_emotion_model(model_path_without(corpus, cache))


def model_path_without(corpus: str, cache: Path) -> Path:
    """The shipped recipe with one corpus left out of the head's training, calibrated as the shipped model is.

    Settings are in units of log odds: a temperature of its own would tune them for another scale.
    """
    shipped = load_emotion_model().description.calibration
    parts = training.statistics(training.STAGES)
    head = (training.STRENGTH, training.EMPHASIS, training.CONSISTENCY, parts)
    recipe = repr((training.TAKES, training.STAGES, head, training.SEED, shipped))
    path = cache / f"without-{corpus}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}.onnx"
    if path.with_suffix(".json").is_file():  # written last, so the model is whole
        return path
    pooled = pooled_model(training.find_trunk(None), training.STAGES, mel=True)
    clips = training.training_clips(data_root())
    rows = training.training_rows(clips, pooled.SerializeToString())
    fitted = training.bare_head(rows.where(rows.corpora != corpus)).cooled(shipped.temperature)
    content = emotion_model(
        pooled, fitted.weight.astype(np.float32), fitted.bias.astype(np.float32), shipped.shrink_s
    ).SerializeToString()
    path.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    described = training.describe(clips, shipped.temperature, shipped.shrink_s, sha256)
    path.with_suffix(".json").write_text(json.dumps(described), encoding="utf-8")
    return path


def tuning_tracks(*, escalations: int, calm_hours: float, cache: Path, processes: int) -> list[Track]:
    """The tuning calls, heard; `escalations` and `calm_hours` of each corpus. Heard once, then kept."""
    studio, tracks = Studio(data_root(), "train"), []
    for corpus in (*training.CORPORA, WEAK_CORPUS):
        weak = corpus == WEAK_CORPUS
        path = None if weak else model_path_without(corpus, training.CACHE)
        model = load_emotion_model(path)
        counts = counts_for(
            escalations=0 if weak else escalations,
            calm_hours=calm_hours,
            apart=0 if weak else escalations // 8,
            one_sided=False,
        )
        able = {name: count for name, count in counts.items() if count and studio.can(name, corpus)}
        key = repr((corpus, able, SEED, model.sha256, Settings().vad, Settings().windows))
        file = cache / f"{corpus}-{hashlib.sha256(key.encode()).hexdigest()[:12]}.pickle"
        if not file.is_file():
            made = recipes(studio, able, [corpus], SEED)
            heard = [
                Track.of(one)
                for one in hear_all(made, studio, Settings(), model, model_path=path, processes=processes)
            ]
            cache.mkdir(parents=True, exist_ok=True)
            file.write_bytes(pickle.dumps(heard))
        tracks += pickle.loads(file.read_bytes())  # noqa: S301  our own file
        print(f"{corpus}: {sum(track.truth.corpus == corpus for track in tracks)} calls", flush=True)
    return tracks


@dataclass(slots=True)
class Count:
    """What one threshold does to one corpus."""

    quick: int = 0
    caught: int = 0
    escalations: int = 0
    false: int = 0
    hours: float = 0.0

    def worth(self) -> float:
        """Share caught, six tenths of it within `QUICK_S`."""
        return (0.6 * self.quick + 0.4 * self.caught) / self.escalations


@dataclass(slots=True)
class Curve:
    """What all thresholds do to all corpora."""

    counts: dict[tuple[str, float], Count] = field(default_factory=dict)

    def add(self, track: Track, levels: Sequence[tuple[float, float]], settings: Settings) -> None:
        """One judged call."""
        truth = track.truth
        for threshold in THRESHOLDS:
            at = alarms(levels, threshold, settings)
            count = self.counts.setdefault((truth.corpus, threshold), Count())
            count.hours += sum(end - start for start, end in truth.calm) / 3600
            count.false += sum(any(start <= s <= end for start, end in truth.calm) for s in at)
            for one in truth.escalations:
                if one.demanded:
                    inside = [s for s in at if one.onset_s - 1.0 <= s <= one.until_s]
                    count.escalations += 1
                    count.caught += bool(inside)
                    count.quick += bool(inside) and inside[0] - one.onset_s <= QUICK_S

    def best(self, budget: float) -> tuple[float, float | None]:
        """What the best threshold within `budget` false alarms an hour is worth, and which it is."""
        corpora = sorted({corpus for corpus, _ in self.counts})
        best: tuple[float, float | None] = (0.0, None)
        for threshold in THRESHOLDS:
            counts = [self.counts[corpus, threshold] for corpus in corpora]
            if np.mean([count.false / max(count.hours, 1e-9) for count in counts]) <= budget:
                worth = float(np.mean([count.worth() for count in counts if count.escalations]))
                best = max(best, (worth, threshold), key=lambda pair: pair[0])
        return best

    def worth(self) -> float:
        """The mean over `BUDGETS`."""
        return float(np.mean([self.best(budget)[0] for budget in BUDGETS]))


def alarms(levels: Sequence[tuple[float, float]], threshold: float, settings: Settings) -> list[float]:
    """When alerts would be raised: the rules of alerts.py without severities, for many thresholds at once."""
    rules = settings.alerts
    out: list[float] = []
    tense, calm_since, quiet_until = False, None, -1.0
    for at_s, level in levels:
        if not tense:
            if level >= threshold and at_s >= quiet_until:
                out.append(at_s)
                tense, calm_since = True, None
        elif level >= CLEAR_SHARE * threshold:
            calm_since = None
        else:
            calm_since = at_s if calm_since is None else calm_since
            if at_s - calm_since >= rules.clear_after_s:
                tense, quiet_until = False, at_s + rules.cooldown_s
    return out


def curve(tracks: Sequence[Track], settings: Settings) -> Curve:
    """All tracks under these settings."""
    found = Curve()
    for track in tracks:
        found.add(track, [(at_s, level) for at_s, level, _, _ in track.judged(settings)], settings)
    return found


def varied(settings: Settings, rng: np.random.Generator, width: float) -> Settings:
    """Settings with about a quarter of the numbers moved by up to `width` of their range."""
    changed = msgspec.to_builtins(settings)
    for stage, numbers in RANGES.items():
        for name, (low, high) in numbers.items():
            if rng.random() < 0.25:
                step = rng.normal(0.0, width) * (high - low)
                changed[stage][name] = round(float(np.clip(changed[stage][name] + step, low, high)), 2)
    return Settings.from_mapping(changed)


def search(tracks: Sequence[Track], settings: Settings, trials: int, seed: int, processes: int) -> Settings:
    """The best settings found, in rounds of `processes` candidates from the best so far."""
    rng = np.random.default_rng(seed)
    best = curve(tracks, settings).worth()
    print(f"in force: {best:.4f}", flush=True)
    if not trials:
        return settings
    with ProcessPoolExecutor(processes, get_context("spawn"), _start, (tracks,)) as pool:
        for trial in range(0, trials, processes):
            width = 0.2 if trial < 0.6 * trials else 0.08
            candidates = list(_candidates(settings, rng, width, processes))
            for candidate, worth in zip(candidates, pool.map(_worth, candidates), strict=True):
                if worth > best:
                    best, settings = worth, candidate
                    print(f"{trial}: {best:.4f} {numbers(settings)}", flush=True)
    return settings


def numbers(settings: Settings) -> str:
    """What was searched and fitted, as JSON."""
    chosen = msgspec.to_builtins(settings)
    names = {stage: [*some] for stage, some in RANGES.items()}
    names["tension"] += ["bias", *WEIGHTS]
    return json.dumps({stage: {name: chosen[stage][name] for name in some} for stage, some in names.items()})


def _candidates(settings: Settings, rng: np.random.Generator, width: float, count: int) -> Iterator[Settings]:
    while count:
        try:
            yield varied(settings, rng, width)
        except BadSettings:
            continue  # a combination that the settings themselves refuse
        count -= 1


_tracks: Sequence[Track]


def _start(tracks: Sequence[Track]) -> None:
    global _tracks  # noqa: PLW0603  one copy per worker process, made when it starts
    _tracks = tracks


def _worth(settings: Settings) -> float:
    return curve(_tracks, settings).worth()


def features(tension: Tension, snapshot: Snapshot, settings: Settings) -> list[float]:
    """What each of `WEIGHTS` multiplies at this second."""
    s = settings.tension
    heats = [tension.shown(party) for party in PARTIES]
    broken_in = sum(snapshot.interruptions.values()) + sum(snapshot.successes.values())
    return [
        sum(heat.anger for heat in heats),
        min(heat.anger for heat in heats),
        max(0.0, snapshot.overlap_ratio - s.overlap_over),
        broken_in,
        max(max(0.0, heat.louder_db - s.louder_over_db) for heat in heats),
        max(max(0.0, heat.higher_st - s.higher_over_st) for heat in heats),
        max(max(0.0, heat.faster - s.faster_over) for heat in heats),
    ]


def seconds(tracks: Sequence[Track], settings: Settings) -> tuple[Any, Any, Any]:
    """Features (n, weights), hot or not (n,), and weights (n,): `FITTED_SHARE` hot, all corpora alike."""
    rows: list[list[float]] = []
    hot: list[bool] = []
    corpora: list[str] = []
    for track in tracks:
        for at_s, _, tension, snapshot in track.judged(settings):
            inside = any(one.onset_s + 3.0 <= at_s <= one.until_s for one in track.truth.escalations)
            calm = any(start <= at_s <= end for start, end in track.truth.calm)
            if inside or calm:
                rows.append(features(tension, snapshot, settings))
                hot.append(inside)
                corpora.append(track.truth.corpus)
    names, truth = np.array(corpora), np.array(hot)
    weights = np.zeros(len(truth))
    for corpus in np.unique(names):
        for value, share in ((True, FITTED_SHARE), (False, 1 - FITTED_SHARE)):
            chosen = (names == corpus) & (truth == value)
            weights[chosen] = share / max(1, chosen.sum())
    return np.array(rows), truth, weights / weights.sum()


def fit_weights(tracks: Sequence[Track], settings: Settings) -> Settings:
    """Logistic regression with no weight below `LEAST`; the bias is free, but below zero."""
    from scipy.optimize import minimize  # noqa: PLC0415  a training-only dependency

    rows, hot, weights = seconds(tracks, settings)
    scale = np.maximum(rows.std(axis=0), 0.05)  # what never varies keeps the least weight
    inputs = np.c_[rows / scale, np.ones(len(rows))]

    def loss(found: Any) -> tuple[float, Any]:
        logits = inputs @ found
        value = float(weights @ (np.logaddexp(0, logits) - hot * logits))
        return value, inputs.T @ (weights * (1 / (1 + np.exp(-logits)) - hot))

    bounds = [(LEAST * s, MOST * s) for s in scale] + [(-9.0, -0.1)]
    found = minimize(loss, np.full(inputs.shape[1], 0.1), jac=True, method="L-BFGS-B", bounds=bounds).x
    changed = msgspec.to_builtins(settings)
    for name, value in zip(WEIGHTS, found[:-1] / scale, strict=True):
        changed["tension"][name] = round(float(value), 3)
    moved = np.log(HOT_SHARE / (1 - HOT_SHARE)) - np.log(FITTED_SHARE / (1 - FITTED_SHARE))
    changed["tension"]["bias"] = round(float(found[-1] + moved), 2)
    return Settings.from_mapping(changed)


def main() -> None:
    """Hear, search, fit, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--seed", type=int, default=SEED, help="of the search; the calls stay the same")
    parser.add_argument("--escalations", type=int, default=84, help="for each corpus")
    parser.add_argument("--calm-hours", type=float, default=2.5, help="for each corpus")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    cache = REPOSITORY / ".cache" / "calls"
    tracks = tuning_tracks(
        escalations=options.escalations,
        calm_hours=options.calm_hours,
        cache=cache,
        processes=options.processes,
    )
    rng = np.random.default_rng(SEED)
    tracks += [track.shifted(rng) for track in tracks]
    found = search(tracks, Settings(), options.trials, options.seed, options.processes)
    found = fit_weights(tracks, found)
    result = curve(tracks, found)
    for budget in BUDGETS:
        print(f"within {budget}/h: worth {result.best(budget)[0]:.3f} at {result.best(budget)[1]}")
    for (corpus, threshold), count in sorted(
        result.counts.items(), key=lambda pair: (pair[0][1], pair[0][0])
    ):
        print(f"{threshold:5.2f} {corpus:18s} {count}")
    print(numbers(found))


if __name__ == "__main__":
    main()
