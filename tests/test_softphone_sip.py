"""The softphone behind SIP.js and JsSIP: calls between two of their user agents, through a relay."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from browser import Site, browsing, until, write_wav
from live_server import come_true, in_loop, serving
from softphones import DETACH, HERE, VOICES, Ears, assert_right_way_round, at, welcoming
from websockets.asyncio.server import ServerConnection, serve

pytestmark = [pytest.mark.conformance, pytest.mark.slow]

BUNDLES = Path(__file__).resolve().parent.parent / ".cache" / "softphones"
CALL = """async ({server, sip, library}) => {
  const { attach } = await import(`http://${server}/web/softphone.js`);
  const { listen } = await import('/call.js');
  const library_ = (await import('/sip.js'))[library];
  const options = { url: `ws://${server}/v1/stream`, callId: 'c-1' };
  const onPeer = (peer) => Object.assign(window, listen(attach, peer, options));
  window.line = await library_({ far: '/far.wav', sip, onPeer });
}"""


@asynccontextmanager
async def relay() -> AsyncIterator[str]:
    """Hands each SIP message of one user agent to the other: with sockets nothing has to be routed."""
    agents: list[ServerConnection] = []

    async def pass_on(socket: ServerConnection) -> None:
        agents.append(socket)
        async for message in socket:
            for other in agents:
                if other is not socket:
                    await other.send(message)

    async with serve(pass_on, "127.0.0.1", 0, subprotocols=["sip"], compression=None) as server:  # type: ignore[list-item]
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("library", ["jssip", "sipjs"])
@in_loop
async def test_a_sip_call_is_heard_held_and_ends_with_its_session(library: str, tmp_path: Path):
    bundle = BUNDLES / f"{library}.bundle.js"
    if not bundle.exists():
        pytest.skip(f"{library} is not installed: scripts/conformance_tools")
    microphone = write_wav(tmp_path / "agent.wav", VOICES[0])
    files = {
        "call.js": (HERE / "softphone_call.js").read_bytes(),
        "sip.js": (HERE / "softphone_sip.js").read_bytes(),
        bundle.name: bundle.read_bytes(),
        "far.wav": write_wav(tmp_path / "customer.wav", VOICES[1]).read_bytes(),
    }
    async with AsyncExitStack() as stack:
        site = stack.enter_context(Site())
        site.files = files
        server = await stack.enter_async_context(serving(welcoming(site)))
        sip = await stack.enter_async_context(relay())
        context = await stack.enter_async_context(browsing(microphone))
        ears = Ears(server)
        site.allow(at(server), sip)
        page: Any = await context.new_page()
        await page.goto(site.origin)
        await page.evaluate(CALL, {"server": at(server), "sip": sip, "library": library})
        await until(page, "softphone.state.agent && softphone.state.customer")
        talking = ears.seconds + 0.5
        await come_true(lambda: ears.seconds >= talking + 15)
        quiet = ears.seconds
        await page.evaluate("line.hold(true)")
        await until(page, "!softphone.state.customer")  # both libraries hold with sendonly
        await asyncio.sleep(0.5)
        await page.evaluate("line.hold(false)")
        await until(page, "softphone.state.agent && softphone.state.customer")
        await page.evaluate("line.hangUp()")
        await until(page, "softphone.state.phase === 'ended'")
        ended = await page.evaluate(DETACH)
        said = await page.evaluate("said")
    assert ended["reason"] == "stop"
    assert said["errors"] == []
    agent, customer = (party[: round((quiet - talking) * 8000)] for party in ears.parties(talking))
    assert_right_way_round(agent, customer)
