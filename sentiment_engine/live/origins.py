"""Which pages, and under which names, a server may be reached. No I/O.

A browser lets any page open a WebSocket to any address, also to one on the visitor's own machine, and says in
``Origin`` whose page it is. Programs send none, or, as libwebsockets does, one that equals the host.
"""

import ipaddress
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def is_loopback(host: str) -> bool:
    """Whether a name or address, without brackets or port, can only mean this machine."""
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_and_port(host: str) -> tuple[str, int | None] | None:
    """A ``Host`` header's name, in lower case and without brackets, and its port; None if it is none."""
    try:
        parts = urlsplit(f"//{host}")
        name, port = parts.hostname, parts.port
    except ValueError:
        return None
    return (name, port) if name and parts.netloc == host and "@" not in host else None


def origin_key(origin: str) -> tuple[str, str, int | None] | None:
    """An origin as scheme, host and port, the usual port filled in; None for ``null`` or no origin at all."""
    try:
        parts = urlsplit(origin)
        name, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not parts.scheme or not name or origin.lower() != f"{parts.scheme}://{parts.netloc}".lower():
        return None
    return parts.scheme, name, port or DEFAULT_PORTS.get(parts.scheme)


class Origins:
    """The pages that may connect.

    Args:
        allowed: origins beside the server's own, checked.
        public_url: the server's address as clients know it; may be empty.
        host: the address it listens on.
    """

    def __init__(self, allowed: tuple[str, ...], public_url: str, host: str) -> None:
        self._allowed = {origin_key(origin) for origin in allowed}
        self._names = {host.lower()}
        if public_url:
            parts = urlsplit(public_url)
            self._allowed.add(origin_key(f"{parts.scheme}://{parts.netloc}"))
            self._names.add(str(parts.hostname))
        self._allowed.discard(None)

    def may_connect(self, origin: str | None, host: str) -> bool:
        """Whether a page of ``origin`` may connect to a server that it calls ``host``.

        That of a proxy that ends TLS differs from ours in its scheme, so only names and ports are compared.
        """
        if origin is None:
            return True
        key, own = origin_key(origin), host_and_port(host)
        if key is None:
            return False
        if key in self._allowed:
            return True
        scheme, name, port = key
        return own is not None and own[0] == name and (own[1] or DEFAULT_PORTS.get(scheme)) == port

    def is_own_name(self, host: str) -> bool:
        """Whether ``host``, a header, is a name that only this machine has.

        A page may give its own name the address 127.0.0.1 once it is loaded (DNS rebinding): then its origin
        equals the host, and only the name betrays it.
        """
        named = host_and_port(host)
        return named is not None and (is_loopback(named[0]) or named[0] in self._names)
