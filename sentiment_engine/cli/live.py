"""``serve``, ``stream`` and ``watch``: the live server and its two kinds of client."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentiment_engine.cli.edge import (
    AgentChannel,
    Config,
    Language,
    Model,
    Speed,
    StageName,
    TlsCa,
    Token,
    as_stage,
    complain,
    edge,
)
from sentiment_engine.errors import BadSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sentiment_engine.archive.archive import Archive
    from sentiment_engine.client.follow import FeedEvent
    from sentiment_engine.live.app import LiveServer
    from sentiment_engine.settings import Settings

ALERTS_AND_CALLS = "alert.*,call.*"


@edge
def serve(
    *,
    host: Annotated[
        str, typer.Option(help="Where to listen; beyond this machine only with tokens and TLS.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free port.")] = 8700,
    audiosocket_port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            min=0,
            max=65535,
            help="Take AudioSocket from Asterisk on this TCP port too; 0 takes any free one.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder for the archive; it is made if need be. Without it nothing is kept."
        ),
    ] = None,
    config: Config = None,
    cues: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Cues of your own for transcripts, YAML; they go on top of those that ship."
        ),
    ] = None,
    model: Model = None,
    playbook: Annotated[
        Path | None,
        typer.Option(
            "--playbook",
            metavar="FILE",
            help="Phrases of your own on top of ours, YAML; see playbook check.",
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The server's certificate and its chain, PEM.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key, PEM, not encrypted.")] = None,
) -> None:
    """Run the live server: calls come in on /v1/stream, alerts go out on /v1/feed.

    Its log goes to standard error. SIGINT or SIGTERM ends it once every call has ended and readers know.
    """
    # Imported here so that --help loads no web stack and no model runtime.
    from sentiment_engine.cli.logs import log_to_stderr  # noqa: PLC0415
    from sentiment_engine.live.serving import serve as serve_live  # noqa: PLC0415
    from sentiment_engine.live.tls import server_tls  # noqa: PLC0415
    from sentiment_engine.onnx_model import load_emotion_model  # noqa: PLC0415
    from sentiment_engine.resources import (  # noqa: PLC0415
        load_cues,
        load_playbook,
        load_playbook_over,
        load_settings,
    )

    phrases = load_playbook() if playbook is None else load_playbook_over(playbook)
    listen_for = load_cues(cues)
    settings = load_settings(config)
    tls = server_tls(tls_cert, tls_key)
    archive = _archive(data, settings)
    log_to_stderr()

    def ready(server: "LiveServer") -> None:
        complain(
            f"listening on {server.url}: calls to {server.url}/v1/stream, alerts from {server.url}/v1/feed"
        )
        if server.audiosocket is not None:
            complain(f"AudioSocket on {server.host}:{server.audiosocket.port}")

    serve_live(
        settings,
        load_emotion_model(model),
        phrases,
        cues=listen_for,
        host=host,
        port=port,
        tls=tls,
        archive=archive,
        audiosocket_port=audiosocket_port,
        on_ready=ready,
    )


def _archive(data: Path | None, settings: "Settings") -> "Archive | None":
    if data is None:
        if settings.webhooks or settings.archive.url or settings.evidence.key or settings.keep_audio:
            raise BadSettings(
                "the settings name webhooks, archive.url, evidence.key or keep_audio, which need an archive: "
                "add --data DIR"
            )
        return None
    from sentiment_engine.archive.archive import Archive  # noqa: PLC0415 - only who keeps anything pays for it

    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise BadSettings(f"--data {data}: cannot be made a folder: {reason.strerror}") from reason
    return Archive(
        data,
        settings.archive,
        settings.webhooks,
        settings.evidence,
        reviews=settings.reviews,
        audio=settings.audio,
    )


@edge
def stream(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The recording to play.")],
    *,
    url: Annotated[str, typer.Option(metavar="ws://HOST:PORT/v1/stream", help="Where calls are taken.")],
    call_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The call's id; the file's name without its ending if not given."),
    ] = None,
    speed: Speed = 1.0,
    language: Language = "zh-CN",
    stage: StageName = "general",
    agent_channel: AgentChannel = 0,
    send_tension: Annotated[
        bool, typer.Option("--send-tension", help="Ask for the tension of every second too, not just alerts.")
    ] = False,
    token: Token = None,
    tls_ca: TlsCa = None,
) -> None:
    """Play a recording into a server as a softphone would, and print what the server sends.

    That is one JSON object a line. When the connection drops, it goes on where the server heard it last.
    """
    from sentiment_engine.batch.recordings import Recording  # noqa: PLC0415
    from sentiment_engine.client.link import check_url  # noqa: PLC0415
    from sentiment_engine.client.play import Call, play  # noqa: PLC0415
    from sentiment_engine.client.trust import trust  # noqa: PLC0415

    check_url(url)
    tls = trust(url, tls_ca)
    recording = Recording.open(file)
    call = Call(
        call_id=recording.call_id if call_id is None else call_id,
        language=language,
        stage=as_stage(stage),
        agent_channel=agent_channel,
        send_tension=send_tension,
    )
    asyncio.run(
        play(recording, url, call, speed=speed, token=token, tls=tls, hear=_print_line, note=complain)
    )


@edge
def watch(
    *,
    url: Annotated[str, typer.Option(metavar="ws://HOST:PORT/v1/feed", help="Where alerts are given.")],
    since: Annotated[
        str | None,
        typer.Option(
            metavar="CURSOR", help="Begin after this event, its `sequence`; 0 for all that is kept."
        ),
    ] = None,
    types: Annotated[
        str,
        typer.Option(
            metavar="TYPES", help="Event types, separated by commas; * at the end for all that begin so."
        ),
    ] = ALERTS_AND_CALLS,
    as_json: Annotated[
        bool, typer.Option("--json", help="The CloudEvents themselves, one JSON object a line.")
    ] = False,
    token: Token = None,
    tls_ca: TlsCa = None,
) -> None:
    """Follow the alert feed until interrupted, taking it up again after a lost connection."""
    from sentiment_engine.client.follow import follow  # noqa: PLC0415
    from sentiment_engine.client.link import check_url  # noqa: PLC0415
    from sentiment_engine.client.trust import trust  # noqa: PLC0415

    check_url(url)
    tls = trust(url, tls_ca)
    feed = follow(url, since=since, types=types, token=token, tls=tls, note=complain)
    asyncio.run(_print_raw(feed) if as_json else _print_for_people(feed))


async def _print_raw(feed: "AsyncIterator[FeedEvent]") -> None:
    async for event in feed:
        _print_line(event.text)


async def _print_for_people(feed: "AsyncIterator[FeedEvent]") -> None:
    from rich.console import Console  # noqa: PLC0415

    from sentiment_engine.cli.render import lines  # noqa: PLC0415

    console = Console(highlight=False)
    async for event in feed:
        for line in lines(event.cloud_event):
            console.print(line, soft_wrap=True)
        sys.stdout.flush()


def _print_line(text: str) -> None:
    """One line to standard output, at once: whoever reads it is waiting."""
    sys.stdout.write(text.replace("\n", " ") + "\n")
    sys.stdout.flush()
