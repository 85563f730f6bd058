"""What `benchmarks/crash.py` kills: a server, forked with all imported, as often as a line comes in."""

import logging
import os
import signal
import sys
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]  # the tests' model hears loud as angry, at next to no cost

from live_server import LoudIsAngry  # noqa: E402
from voices import SETTINGS  # noqa: E402

from sentiment_engine.archive.archive import Archive  # noqa: E402
from sentiment_engine.cli.logs import log_to_stderr  # noqa: E402
from sentiment_engine.live.serving import serve  # noqa: E402
from sentiment_engine.resources import load_playbook  # noqa: E402
from sentiment_engine.settings_archive import WebhookSettings  # noqa: E402


def main() -> None:
    """Forks a server for each line of standard input; prints `pid N`, and the server `port N`."""
    folder, hook_url = Path(sys.argv[1]), sys.argv[2]
    playbook = load_playbook()
    variable = "CRASH_SECRET"
    hooks = (WebhookSettings(name="crm", url=hook_url, secret_env=variable, types=("alert.raised",)),)
    settings = msgspec.structs.replace(SETTINGS, webhooks=hooks)
    log_to_stderr(logging.ERROR)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are not waited for
    for _ in sys.stdin:
        child = os.fork()
        if child:
            print("pid", child, flush=True)
            continue
        serve(
            settings,
            LoudIsAngry(),
            playbook,
            port=0,
            archive=Archive(folder, settings.archive, hooks),
            on_ready=lambda server: print("port", server.port, flush=True),
        )
        os._exit(0)


if __name__ == "__main__":
    main()
