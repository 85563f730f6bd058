"""Do alerts come when a call heats up, and only then? Recall, false alarms per hour, delay.

    python -m benchmarks.alerts            the reported set: speakers and corpora nothing was fitted on
    python -m benchmarks.alerts --quick    a few calls, for continuous integration; writes nothing

Synthetic calls (benchmarks/calls.py) of the `eval` and `calm` splits. An alert belongs to an escalation when
it is raised from 1 s before its onset to its end; before that, and on calm calls, it is false. Baselines get
the threshold that suits them best **on these very calls** at no more false alarms than the engine: an
advantage that the engine does not have.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # as a script, too

from benchmarks.calls import Call, one_sided_set, scripted_set
from benchmarks.corpora import data_root
from sentiment_engine import Settings
from sentiment_engine.alerts import Alerts
from sentiment_engine.emotion import EmotionModel, Window
from sentiment_engine.events import AlertRaised, Event, TensionUpdated
from sentiment_engine.frames import Float32
from sentiment_engine.judging import Judge
from sentiment_engine.listening import Listener, Note, Tick
from sentiment_engine.onnx_model import load_emotion_model
from sentiment_engine.playbook import Playbook

RESULTS = Path(__file__).parent / "results" / "alerts.json"
EVAL_CORPORA = ("ased", "tess", "casia")
SEED = 1130
"""Drawn once, after the settings were last changed: draw another after the next change."""
EARLY_S = 1.0
CALM_KINDS = ("calm", "music", "prompts", "reading")
"""What the issue asks silence of; cheerful calls are reported beside them."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """A call after the listening side and the model: everything thresholds can be tried on, without audio."""

    call: Call
    log: list[tuple[Note, Float32 | None]]
    listener: Listener


def hear(call: Call, settings: Settings, model: EmotionModel) -> Heard:
    """Runs the engine's own listening side and scores its windows."""
    listener = Listener(settings, "pcm_s16le", 8000, ("agent", "customer"))
    pcm = np.clip(np.rint(call.samples * 32768), -32768, 32767).astype("<i2").tobytes()
    notes = listener.feed(pcm) + listener.close("stop")
    windows = [note for note in notes if isinstance(note, Window)]
    scores = iter(model([window.samples for window in windows]))
    log = [(note, next(scores) if isinstance(note, Window) else None) for note in notes]
    return Heard(call, log, listener)


def judge(heard: Heard, settings: Settings, labels: Sequence[str]) -> list[Event]:
    """The engine's own judging side over a heard call."""
    judge = Judge(
        settings,
        labels,
        Playbook(()),
        call_id=heard.call.name,
        parties=("agent", "customer"),
        language="en",
        stage="general",
        risk_class=None,
    )
    out: list[Event] = []
    for note, scores in heard.log:
        if isinstance(note, Window):
            out.append(judge.window(note, scores))
        else:
            out += judge.note(note, heard.listener.conversation)
    return out


@dataclass(slots=True)
class Tally:
    """What a system did on a set of calls."""

    escalations: int = 0
    caught: int = 0
    false: int = 0
    calm_s: float = 0.0
    delays_s: list[float] = field(default_factory=list)

    def add(self, call: Call, raised_s: Sequence[float]) -> None:
        """One call and the media times of its alerts."""
        length_s = len(call.samples) / 8000
        if call.onset_s is None or call.hot_until_s is None:
            self.calm_s += length_s
            self.false += len(raised_s)
            return
        self.escalations += 1
        self.calm_s += call.onset_s
        hits = [at for at in raised_s if call.onset_s - EARLY_S <= at <= call.hot_until_s]
        # after the escalation a call may still be tense: an alert then is late, not false
        self.false += sum(at < call.onset_s - EARLY_S for at in raised_s)
        if hits:
            self.caught += 1
            self.delays_s.append(hits[0] - call.onset_s)

    @property
    def recall(self) -> float:
        """Share of escalations caught."""
        return self.caught / self.escalations if self.escalations else math.nan

    @property
    def false_per_hour(self) -> float:
        """False alarms per hour of calm audio."""
        return self.false / (self.calm_s / 3600) if self.calm_s else math.nan

    def within(self, seconds: float) -> float:
        """Share of escalations caught within `seconds` of their onset."""
        if not self.escalations:
            return math.nan
        return sum(delay <= seconds for delay in self.delays_s) / self.escalations

    def report(self) -> dict[str, object]:
        """Figures with their 95 % intervals."""
        return {
            "escalations": self.escalations,
            "recall": rounded(self.recall),
            "recall_interval": wilson(self.caught, self.escalations),
            "recall_within_15_s": rounded(self.within(15.0)),
            "false_alarms": self.false,
            "calm_hours": rounded(self.calm_s / 3600),
            "false_alarms_per_hour": rounded(self.false_per_hour),
            "false_alarms_per_hour_interval": poisson(self.false, self.calm_s / 3600),
            "delay_p50_s": quantile(self.delays_s, 0.5),
            "delay_p95_s": quantile(self.delays_s, 0.95),
        }


def rounded(value: float) -> float | None:
    """Three digits; None where there was nothing to measure."""
    return None if math.isnan(value) else round(value, 3)


def quantile(values: Sequence[float], q: float) -> float | None:
    """A quantile in seconds, or None."""
    return round(float(np.quantile(values, q)), 2) if values else None


def wilson(hits: int, n: int) -> list[float] | None:
    """95 % interval of a share (Wilson 1927)."""
    if not n:
        return None
    z, p = 1.96, hits / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return [round((middle - half) / (1 + z * z / n), 3), round((middle + half) / (1 + z * z / n), 3)]


def poisson(count: int, hours: float) -> list[float] | None:
    """95 % interval of a rate (Garwood 1936, by the Wilson-Hilferty approximation of chi-square)."""
    if not hours:
        return None

    def half_chi2(df: int, z: float) -> float:
        return 0.5 * df * (1 - 2 / (9 * df) + z * math.sqrt(2 / (9 * df))) ** 3

    low = half_chi2(2 * count, -1.96) if count else 0.0
    return [round(low / hours, 3), round(half_chi2(2 * (count + 1), 1.96) / hours, 3)]


def alarms(settings: Settings, track: Sequence[tuple[float, float]], threshold: float) -> list[float]:
    """When a plain threshold on a track raises alerts, under the engine's own duration and cooldown."""
    top = 1 - 1e-9
    alerts = Alerts(
        type(settings.alerts)(
            raise_at=0.5,
            clear_at=0.499,
            warning_at=top,
            critical_at=top,
            min_duration_s=settings.alerts.min_duration_s,
            clear_after_s=settings.alerts.clear_after_s,
            cooldown_s=settings.alerts.cooldown_s,
        )
    )
    changes = [(at, alerts.step(at, 0.9 if value >= threshold else 0.0)) for at, value in track]
    return [at for at, change in changes if change and change.what == "raised"]


def loudness_track(heard: Heard) -> list[tuple[float, float]]:
    """Each second: the most by which a window's speech (dB) stood above its party's median so far."""
    out: list[tuple[float, float]] = []
    past: dict[str, list[float]] = {"agent": [], "customer": []}
    rise = 0.0
    for note, _ in heard.log:
        if isinstance(note, Window):
            levels = past[note.party]
            if len(levels) >= 3:
                rise = max(rise, note.level_db - float(np.median(levels)))
            levels.append(note.level_db)
        elif isinstance(note, Tick):
            out.append((note.at_s, rise))
            rise = 0.0
    return out


def overlap_track(heard: Heard) -> list[tuple[float, float]]:
    """Each second: the engine's own overlap ratio."""
    return [(note.at_s, note.snapshot.overlap_ratio) for note, _ in heard.log if isinstance(note, Tick)]


def best_baseline(
    heard: Sequence[Heard],
    settings: Settings,
    track: Callable[[Heard], list[tuple[float, float]]],
    thresholds: Sequence[float],
    false_budget: float,
) -> tuple[float, Tally]:
    """The threshold with the highest recall among those within the budget of false alarms per hour."""
    tracks = [(one.call, track(one)) for one in heard]
    best: tuple[float, Tally] | None = None
    for threshold in thresholds:
        tally = Tally()
        for call, values in tracks:
            tally.add(call, alarms(settings, values, threshold))
        if tally.false_per_hour <= false_budget and (best is None or tally.recall > best[1].recall):
            best = threshold, tally
    if best is None:
        raise RuntimeError(f"no threshold up to {thresholds[-1]} keeps {false_budget} false alarms/h")
    return best


def raised(events: Sequence[Event]) -> list[float]:
    """Media times of the alerts."""
    return [event.at_s for event in events if isinstance(event, AlertRaised)]


def peak(events: Sequence[Event]) -> float:
    """The highest level."""
    return max((event.level for event in events if isinstance(event, TensionUpdated)), default=0.0)


def main() -> None:
    """Prints the table; writes the results unless `--quick`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few calls only; writes nothing")
    parser.add_argument("--calls", type=int, default=90)
    parser.add_argument("--calm-minutes", type=float, default=40.0, help="of each kind of calm")
    options = parser.parse_args()
    root, settings, model = data_root(), Settings(), load_emotion_model()
    calls = 6 if options.quick else options.calls
    minutes = 6.0 if options.quick else options.calm_minutes
    made = scripted_set(
        root, split="eval", corpora=EVAL_CORPORA, calls=calls, calm_minutes=minutes, seed=SEED
    )
    made += one_sided_set(root, minutes=min(minutes, 18.0), seed=SEED)
    heard = [hear(call, settings, model) for call in made]
    events = [judge(one, settings, model.labels) for one in heard]

    def tally(keep: Callable[[Call], bool]) -> Tally:
        result = Tally()
        for one, said in zip(heard, events, strict=True):
            if keep(one.call):
                result.add(one.call, raised(said))
        return result

    hot = ("customer_heats", "agent_heats", "both_heat")
    counted = (*hot, *CALM_KINDS)
    rows = {"engine": tally(lambda call: call.kind in counted)}
    for corpus in EVAL_CORPORA:
        rows[f"  {corpus}"] = tally(lambda call, c=corpus: call.corpus == c and call.kind in counted)
    rows |= {f"  {k}": tally(lambda call, k=k: call.kind == k) for k in (*counted, "hot_start", "cheerful")}
    judged = [one for one in heard if one.call.kind in counted]
    budget = max(
        rows["engine"].false_per_hour, 1 / (rows["engine"].calm_s / 3600)
    )  # one false alarm at least
    decibels, ratios = np.arange(1, 30, 0.5).tolist(), np.arange(0.02, 1.01, 0.01).tolist()
    loud_at, loud = best_baseline(judged, settings, loudness_track, decibels, budget)
    over_at, over = best_baseline(judged, settings, overlap_track, ratios, budget)
    rows |= {f"loudness rise >= {loud_at:.1f} dB": loud, f"overlap >= {over_at:.2f}": over}

    heads = ("system", "recall", "<= 15 s", "false/h", "95 %", "calm h", "delay p50", "p95")
    table = Table(*heads, title="synthetic calls")
    for name, row in rows.items():
        r = row.report()
        shown = ("recall", "recall_within_15_s", "false_alarms_per_hour", "false_alarms_per_hour_interval")
        table.add_row(name, *(str(r[k]) for k in (*shown, "calm_hours", "delay_p50_s", "delay_p95_s")))
    Console(width=120).print(table)
    if not options.quick:
        result = {
            "command": "python -m benchmarks.alerts",
            "calls": "synthetic, see benchmarks/calls.py",
            "seed": SEED,
            "model_sha256": model.sha256,
            **rows["engine"].report(),
            "per_script": {name.strip(): row.report() for name, row in rows.items() if name[0] == " "},
            "baselines": {
                "loudness": {"threshold_db": loud_at, **loud.report()},
                "overlap": {"threshold": over_at, **over.report()},
            },
        }
        RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
