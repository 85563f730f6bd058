"""An OpenTimestamps calendar on this machine, and a block of a chain as easy as a test's."""

import contextlib
import hashlib
import http.server
import struct
import threading
from collections.abc import Iterator

from sentiment_engine.archive.ots import APPEND, ATTESTATION, BITCOIN, PENDING, PREPEND, SHA256

EASY_BITS = 0x207FFFFF
EASY_TARGET = 0x7FFFFF << 232
"""Every other header will do: the chain that Bitcoin's own tests use."""
HEIGHT = 840_000
MINED_AT = 1_760_000_000


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def number(value: int) -> bytes:
    """LEB128."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def text(data: bytes) -> bytes:
    return number(len(data)) + data


def append(data: bytes) -> bytes:
    return bytes([APPEND]) + text(data)


def prepend(data: bytes) -> bytes:
    return bytes([PREPEND]) + text(data)


def attestation(kind: bytes, payload: bytes) -> bytes:
    return bytes([ATTESTATION]) + kind + text(payload)


def pending(url: str) -> bytes:
    return attestation(PENDING, text(url.encode()))


def in_block(height: int) -> bytes:
    return attestation(BITCOIN, number(height))


def header(merkle_root: bytes, *, bits: int = EASY_BITS, at: int = MINED_AT) -> str:
    """A header with that root whose proof of work holds, if ``bits`` are as easy as ours."""
    for nonce in range(1000):
        data = struct.pack("<I32s32sIII", 2, bytes(32), merkle_root, at, bits, nonce)
        if int.from_bytes(sha256(sha256(data)), "little") <= EASY_TARGET:
            return data.hex()
    raise AssertionError("a thousand headers without luck")


HASH = bytes([SHA256])
BEFORE, AFTER, SIBLING = b"transaction ", b" rest of it", b"s" * 32


class Calendar:
    """Promises; keeps what it promised after :meth:`mine`."""

    def __init__(self) -> None:
        self.url = ""
        self.digests: list[bytes] = []
        self.roots: dict[bytes, bytes] = {}
        """Commitment -> Merkle root of its block; empty until mined."""
        self.asked: list[str] = []
        self.answer: tuple[int, bytes] | None = None
        """Given in place of any other, if set."""
        self._promised: set[bytes] = set()
        self._mined = False

    def mine(self) -> None:
        """From now on what was promised stands in a block."""
        self._mined = True

    def post(self, path: str, digest: bytes) -> tuple[int, bytes]:
        if path != "/calendar/digest" or len(digest) != 32:
            return 400, b"no digest"
        self.digests.append(digest)
        mac = sha256(b"secret" + digest)[:8]
        self._promised.add(sha256(b"\x00\x00\x00\x01" + digest) + mac)
        return 200, prepend(b"\x00\x00\x00\x01") + HASH + append(mac) + pending(self.url)

    def get(self, path: str) -> tuple[int, bytes]:
        self.asked.append(path)
        commitment = bytes.fromhex(path.removeprefix("/calendar/timestamp/"))
        if commitment not in self._promised:
            return 404, b"Not found"
        if not self._mined:
            return 404, b"Pending confirmation in Bitcoin blockchain"
        answer, self.roots[commitment] = kept(commitment)
        return 200, answer

    @contextlib.contextmanager
    def serving(self, *, at: str = "") -> Iterator[str]:
        """Its address; what it promises says ``at`` in its place, if given."""
        calendar = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def _say(self, status: int, body: bytes) -> None:
                status, body = calendar.answer or (status, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._say(*calendar.post(self.path, body))

            def do_GET(self) -> None:
                self._say(*calendar.get(self.path))

            def log_message(self, *_: object) -> None:
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            here = f"http://127.0.0.1:{server.server_port}/calendar"
            self.url = at or here
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield here
            finally:
                server.shutdown()
                thread.join()


def kept(commitment: bytes) -> tuple[bytes, bytes]:
    """How a commitment leads, by a transaction and its sibling, to a block's Merkle root; and that root."""
    transaction = sha256(sha256(BEFORE + commitment + AFTER))
    root = sha256(sha256(SIBLING + transaction))
    steps = prepend(BEFORE) + append(AFTER) + HASH + HASH + prepend(SIBLING) + HASH + HASH
    return steps + in_block(HEIGHT), root
