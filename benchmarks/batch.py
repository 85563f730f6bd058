"""How fast recordings are scored, and in how much memory.

Builds a two-channel telephone call of real speech (about 40 % of the time from each party), u-law at 8 kHz,
and scores it through the public command in processes of its own, decoding and start-up included:

    python benchmarks/batch.py            ten minutes, three hours, and six files with one and two processes
    python benchmarks/batch.py --quick    the same on a few minutes, to see that it works

One process is held to one core. Prints a table and writes benchmarks/results/batch.json. The speech comes
from $SENTIMENT_DATA (default ../shared/data); without it the bundled example call is looped, and the table
says so.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from corpora import REPOSITORY, data_root, load_clip, read_manifest

from sentiment_engine import wire
from sentiment_engine.events import SpeechEnded

Float32 = npt.NDArray[np.float32]

RATE_HZ = 8000
RESULTS = REPOSITORY / "benchmarks" / "results" / "batch.json"
EXAMPLE = REPOSITORY / "sentiment_engine" / "example" / "call.flac"
TURN_S = (2.0, 8.0)
PAUSE_S = (0.2, 1.2)
CLIPS = 400
"""Different utterances in the call."""


@dataclass(frozen=True)
class Run:
    """One scoring of one or more recordings."""

    audio_s: float
    wall_s: float
    cpu_s: float
    peak_rss_mib: float
    """Of the largest process."""

    @property
    def x_realtime(self) -> float:
        """Seconds of call per second of wall clock."""
        return self.audio_s / self.wall_s


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few minutes of call instead of hours")
    parser.add_argument(
        "--out", type=Path, default=None, help="where the JSON goes; with --quick nowhere unless asked"
    )
    arguments = parser.parse_args()
    short_s, long_s, files = (60.0, 300.0, 2) if arguments.quick else (600.0, 10_800.0, 6)
    out = arguments.out or (None if arguments.quick else RESULTS)

    source, speech = speech_source()
    with tempfile.TemporaryDirectory(prefix="batch-benchmark-") as name:
        folder = Path(name)
        block = two_party_call(speech, short_s)
        short = write(folder / "short.wav", block, short_s)
        long = write(folder / "long.wav", block, long_s)
        many = [write(folder / f"file{number}.wav", block, short_s) for number in range(files)]
        one_short = score([short], short_s, jobs=1, cores=1)
        one_long = score([long], long_s, jobs=1, cores=1)
        alone = score(many, files * short_s, jobs=1)
        pair = score(many, files * short_s, jobs=2)
        share = speech_share(folder / "out" / "short.jsonl", short_s)

    result: dict[str, Any] = {
        "speech": source,
        "speech_share": share,
        "x_realtime_per_core": round(one_long.x_realtime, 1),
        "x_realtime_per_cpu_second": round(one_long.audio_s / one_long.cpu_s, 1),
        "peak_rss_mib": {"short": round(one_short.peak_rss_mib, 1), "long": round(one_long.peak_rss_mib, 1)},
        "memory_long_over_short": round(one_long.peak_rss_mib / one_short.peak_rss_mib, 3),
        "jobs_2_over_1": round(alone.wall_s / pair.wall_s, 2),
        "runs": {
            name: {key: round(value, 2) for key, value in asdict(run).items()}
            for name, run in {"short": one_short, "long": one_long, "jobs_1": alone, "jobs_2": pair}.items()
        },
        "machine": {"cores": os.cpu_count(), "processor": processor(), "load_average": os.getloadavg()[0]},
        "quick": arguments.quick,
    }
    show(
        result,
        {"one short": one_short, "one long": one_long, f"{files}, jobs 1": alone, f"{files}, jobs 2": pair},
    )
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", "utf-8")
        print(f"written to {out}")


def speech_source() -> tuple[str, Iterator[Float32] | None]:
    """Where the speech comes from, and utterances of it at 8 kHz without silence at either end, for ever."""
    try:
        root = data_root()
    except SystemExit as absent:
        print(f"{absent}\nso: the bundled example call, looped; its voices are synthetic", file=sys.stderr)
        return "bundled example call, looped (synthetic voices)", None
    rng = np.random.default_rng(1)
    clips = [clip for clip in read_manifest(root) if clip.split == "train"]
    chosen = [clips[index] for index in rng.choice(len(clips), min(CLIPS, len(clips)), replace=False)]
    utterances = [trimmed(*load_clip(clip)) for clip in chosen]
    usable = [samples for samples in utterances if len(samples) > RATE_HZ // 2]
    corpora = ", ".join(sorted({clip.corpus for clip in chosen}))

    def endless() -> Iterator[Float32]:
        while True:
            yield usable[int(rng.integers(len(usable)))]

    return f"{len(usable)} utterances of {corpora}", endless()


def trimmed(samples: Float32, rate_hz: int) -> Float32:
    """Mono at 8 kHz and -20 dBFS, from the first loud moment to the last."""
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    voice: Float32 = soxr.resample(mono.astype(np.float32), rate_hz, RATE_HZ)
    loud = np.flatnonzero(np.abs(voice) > 0.03 * np.abs(voice).max(initial=1e-6))
    voice = voice[loud[0] : loud[-1] + 1] if len(loud) else voice[:0]
    level = float(np.sqrt(np.mean(voice**2))) if len(voice) else 1.0
    scaled: Float32 = np.clip(voice * np.float32(0.1 / max(level, 1e-6)), -1, 1)
    return scaled


def two_party_call(speech: Iterator[Float32] | None, length_s: float) -> Float32:
    """(samples, 2): turns and pauses over faint line noise; without ``speech``, the example call repeated."""
    length = round(length_s * RATE_HZ)
    if speech is None:
        example, _ = soundfile.read(EXAMPLE, dtype="float32", always_2d=True)
        return np.resize(example, (length, 2))
    rng = np.random.default_rng(2)
    call = (0.0005 * rng.standard_normal((length, 2))).astype(np.float32)
    at, party = 0, 0
    while at < length:
        turn_ends = at + round(rng.uniform(*TURN_S) * RATE_HZ)
        while at < min(turn_ends, length):
            utterance = next(speech)[: length - at]
            call[at : at + len(utterance), party] += utterance
            at += len(utterance) + round(0.1 * RATE_HZ)
        at += round(rng.uniform(*PAUSE_S) * RATE_HZ)
        party = 1 - party
    return call


def write(path: Path, block: Float32, length_s: float) -> Path:
    """A u-law WAV of ``length_s``, ``block`` over and over."""
    left = round(length_s * RATE_HZ)
    with soundfile.SoundFile(path, "w", RATE_HZ, 2, subtype="ULAW") as file:
        while left > 0:
            file.write(block[:left])
            left -= len(block)
    return path


def score(paths: list[Path], audio_s: float, *, jobs: int, cores: int | None = None) -> Run:
    """Runs the public command; ``cores`` holds it, and all its processes, to so many."""
    command = [sys.executable, "-m", "sentiment_engine", "score", *map(str, paths)]
    command += ["--out", str(paths[0].parent / "out"), "--jobs", str(jobs)]
    reader, writer = os.pipe()
    began = time.perf_counter()
    # A process between, so that what the operating system counts is this run's alone.
    child = os.fork()
    if child == 0:
        os.close(reader)
        if cores is not None:
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
        status = subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        os.write(writer, json.dumps([usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]).encode())
        os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as told:
        said = told.read()
    _, status = os.waitpid(child, 0)
    wall_s = time.perf_counter() - began
    if status:
        raise SystemExit(
            f"scoring failed with status {os.waitstatus_to_exitcode(status)}: {' '.join(command)}"
        )
    cpu_s, peak_rss_mib = json.loads(said)
    return Run(audio_s=audio_s, wall_s=wall_s, cpu_s=cpu_s, peak_rss_mib=peak_rss_mib)


def speech_share(events: Path, length_s: float) -> dict[str, float]:
    """Share of the time in which the engine heard each party speak."""
    spoken: dict[str, float] = {}
    for line in events.read_bytes().splitlines():
        event = wire.decode(line)
        if isinstance(event, SpeechEnded):
            spoken[event.party] = spoken.get(event.party, 0.0) + event.end_s - event.start_s
    return {party: round(seconds / length_s, 2) for party, seconds in sorted(spoken.items())}


def processor() -> str:
    """The processor's own name for itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )


def show(result: dict[str, Any], runs: dict[str, Run]) -> None:
    """Prints the table."""
    print(f"speech: {result['speech']}; heard as speech: {result['speech_share']}")
    print(f"{'':14}{'audio':>10}{'wall':>10}{'x real time':>14}{'CPU':>10}{'peak RSS':>12}")
    for name, run in runs.items():
        print(
            f"{name:14}{run.audio_s / 60:7.0f} min{run.wall_s:8.1f} s{run.x_realtime:14.0f}{run.cpu_s:8.1f} s"
            f"{run.peak_rss_mib:8.0f} MiB"
        )
    print(f"memory, long over short: {result['memory_long_over_short']}")
    print(f"two processes: {result['jobs_2_over_1']} times one")


if __name__ == "__main__":
    main()
