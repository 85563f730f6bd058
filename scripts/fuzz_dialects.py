"""Coverage-guided fuzzing of every dialect's parser, and of the media clock behind it.

    python -m pip install -e ".[fuzz]"
    python scripts/fuzz_dialects.py [--seconds 600] [--only twilio] [--findings DIR]

Each input is the frames of one connection (``tests/dialect_frames.py`` has the seeds), with the times at
which they arrive. A dialect may refuse them; anything else that it raises, and whatever else
``tests/silent_line.py`` holds to be impossible, is a finding: libFuzzer leaves the input in DIR. It belongs,
made small, into ``FOUND`` of ``tests/dialect_frames.py``, which the tests replay.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

ODD = [
    None,
    True,
    -1,
    0,
    1e308,
    float("nan"),
    2**63,
    10**40,
    "",
    "NaN",
    "-1",
    "9" * 400,
    "\ud800",
    [],
    {},
    [[]],
    {"": 0},
]
"""What a field may turn out to be."""
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))


def fuzz(name: str, arguments: list[str]) -> None:
    """Fuzzes one dialect in this process until libFuzzer's own limits end it."""
    import atheris  # noqa: PLC0415 - not needed to start the others

    with atheris.instrument_imports(include=["sentiment_engine.live"]):
        from dialect_frames import DIALECT, SEPARATOR, play  # noqa: PLC0415

    dialect = DIALECT[name]

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
        frames = data.split(SEPARATOR)
        at = chance.randrange(len(frames))
        match chance.randrange(5):
            case 0:
                frames.insert(chance.randrange(len(frames) + 1), frames[at])
            case 1 if len(frames) > 1:
                del frames[at]
            case 2 | 3 if frames[at][:1] == b"T":
                frames[at] = frames[at][:2] + bent(frames[at][2:], chance)
            case _:
                return atheris.Mutate(data, max_size)
        return SEPARATOR.join(frames)[:max_size]

    atheris.Setup([sys.argv[0], *arguments], lambda data: play(dialect, data), custom_mutator=mutate)
    atheris.Fuzz()


def bent(frame: bytes, chance: random.Random) -> bytes:
    """A JSON text with one of its values, wherever it is, replaced by something odd."""
    try:
        value = json.loads(frame)
    except ValueError:
        return frame
    holders = [value] if isinstance(value, dict | list) else []
    for holder in holders:  # grows while it is walked
        inner = holder.values() if isinstance(holder, dict) else holder
        holders += [one for one in inner if isinstance(one, dict | list)]
    holders = [holder for holder in holders if holder]
    if holders:
        holder = chance.choice(holders)
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        holder[chance.choice(keys)] = chance.choice(ODD)
    return json.dumps(value).encode()


def main() -> int:
    """Fuzzes each dialect in a process of its own; 1 when there are findings."""
    if sys.argv[1:2] == ["--child"]:
        fuzz(sys.argv[2], sys.argv[3:])
    from dialect_frames import DIALECT, SEEDS, WORDS, packed  # noqa: PLC0415

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=600, help="for all dialects together")
    parser.add_argument("--only", choices=sorted(DIALECT))
    parser.add_argument("--findings", type=Path, default=Path("findings"))
    options = parser.parse_args()
    names = [options.only] if options.only else sorted(DIALECT)
    options.findings.mkdir(exist_ok=True)
    failed = []
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            corpus = Path(folder) / "corpus"
            corpus.mkdir()
            for number, frames in enumerate(SEEDS[name]):
                (corpus / str(number)).write_bytes(packed(frames))
            words = Path(folder) / "words"
            words.write_text("".join(f'"{word}"\n' for word in WORDS), encoding="utf-8")
            command = [
                sys.executable,
                str(Path(__file__)),
                "--child",
                name,
                str(corpus),
                f"-dict={words}",
                f"-max_total_time={options.seconds // len(names)}",
                "-max_len=4096",
                "-timeout=5",
                "-rss_limit_mb=2048",
                "-print_final_stats=1",
                f"-artifact_prefix={options.findings}/{name}-",
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            runs = [line for line in done.stderr.splitlines() if "number_of_executed_units" in line]
            print(f"{name:<12} {'clean' if done.returncode == 0 else 'FOUND'}  {''.join(runs)}")
            if done.returncode:
                failed.append(name)
                print(done.stdout[-3000:], done.stderr[-3000:], sep="\n")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
