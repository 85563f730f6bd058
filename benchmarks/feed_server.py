"""What `benchmarks/feed.py` measures: a server with an archive, in a process of its own.

The model is the tests', which hears loud as angry at next to no cost: what is measured is the way from an
alert to its readers. What memory keeps for `since=` is made small, so that it is full before the measurement
begins and memory that grows after that is a leak; the archive answers for what is older.
"""

import logging
import sys
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from live_server import LoudIsAngry  # noqa: E402
from voices import SETTINGS  # noqa: E402

from sentiment_engine.archive.archive import Archive  # noqa: E402
from sentiment_engine.cli.logs import log_to_stderr  # noqa: E402
from sentiment_engine.live.serving import serve  # noqa: E402
from sentiment_engine.resources import load_playbook  # noqa: E402
from sentiment_engine.settings import LiveSettings  # noqa: E402

KEPT_EVENTS, KEPT_TICKS = 200, 1000


def main(folder: Path, reader_events: int) -> None:
    """Serves until SIGTERM; prints its port."""
    log_to_stderr(logging.ERROR)
    live = LiveSettings(reader_events=reader_events, kept_events=KEPT_EVENTS, kept_ticks=KEPT_TICKS)
    settings = msgspec.structs.replace(SETTINGS, live=live)
    serve(
        settings,
        LoudIsAngry(),
        load_playbook(),
        port=0,
        archive=Archive(folder, settings.archive),
        on_ready=lambda server: print(server.port, flush=True),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
