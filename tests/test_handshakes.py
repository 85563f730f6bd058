"""The handshakes that real telephony clients were seen to make, header by header, are answered with 101."""

import asyncio

import pytest
from doors import locked_server
from live_server import in_loop, serving

LWS = {"Pragma": "no-cache", "Cache-Control": "no-cache", "Host": "127.0.0.1", "Origin": "http://127.0.0.1"}
"""libwebsockets, as FreeSWITCH's mod_audio_fork and jambonz have it: a name without its port."""
SEEN = {
    "mod_audio_fork": ("/v1/l16", {**LWS, "Sec-WebSocket-Protocol": "audio.drachtio.org"}),
    "mod_audio_stream": ("/v1/l16", {"Host": "127.0.0.1:{port}", "Origin": "http://127.0.0.1:{port}"}),
    "jambonz": (
        "/v1/l16",
        {**LWS, "Sec-WebSocket-Protocol": "audio.drachtio.org", "authorization": "Basic dTE6cDE="},
    ),
    "asterisk": (
        "/v1/asterisk?call_id=1795434060.14&role=agent",
        {
            "Host": "127.0.0.1:{port}",
            "Authorization": "Basic cGJ4MTpzZWNyZXQx",
            "Sec-WebSocket-Protocol": "media",
        },
    ),
    "twilio": (
        "/v1/twilio",
        {
            "Host": "127.0.0.1:{port}",
            "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
            "User-Agent": "Python/3.11 websockets/17.4",
        },
    ),
}


async def answer(port, path, headers):
    """The server's answer to a handshake: its head, lines in lower case."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    fields = {
        **{name: value.format(port=port) for name, value in headers.items()},
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "LMH2BgAAAAD8bHJjAAAAAA==",
        "Sec-WebSocket-Version": "13",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    writer.write(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
    told = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.close()
    return told.decode().lower()


@pytest.mark.parametrize("client", SEEN)
def test_a_real_clients_handshake_is_taken_and_its_subprotocol_echoed(client):
    @in_loop
    async def body():
        path, headers = SEEN[client]
        async with serving() as server:
            told = await answer(server.port, path, headers)
        assert told.startswith("http/1.1 101")
        asked = headers.get("Sec-WebSocket-Protocol")
        assert (
            (f"sec-websocket-protocol: {asked}\r\n" in told)
            if asked
            else "sec-websocket-protocol" not in told
        )

    body()


@in_loop
async def test_the_same_handshake_with_a_password_that_is_no_token_is_refused():
    path, headers = SEEN["asterisk"]
    async with locked_server() as server:
        told = await answer(server.port, path, headers)
    assert told.startswith("http/1.1 401")
    assert "secret1" not in told
