"""The signature of a Genesys client's handshake: HTTP message signatures with a shared secret.

Source: RFC 9421 (Genesys signs after its draft 11, which is the same in what is used here), RFC 8941 for the
two header fields, and the Genesys Cloud Developer Center, "AudioHook protocol: security", for what must be
covered and how old it may be. Only what those signatures hold is read: strings without escapes, integers, one
byte sequence; anything else is refused.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import NamedTuple

from sentiment_engine.live.messages import Refused

COVERED = (
    "@request-target",
    "@authority",
    "audiohook-organization-id",
    "audiohook-session-id",
    "audiohook-correlation-id",
    "x-api-key",
)
"""What a signature must cover; it may cover more."""
MAX_AGE_S = 10.0
MAX_SKEW_S = 3.0
"""How far the client's clock may be ahead of ours."""
SHORTEST_NONCE = 22
"""Characters: 128 bits in base64."""
LONGEST_FIELD = 4096

_KEY = r"[a-z*][a-z0-9_.*-]*"
_STRING = r'"[ !#-\[\]-~]*"'
_PARAMETER = rf"; *{_KEY}=(?:{_STRING}|\d{{1,15}})"
_PARAMETER_PARTS = re.compile(rf"; *({_KEY})=({_STRING}|\d{{1,15}})", re.ASCII)
_INPUT = re.compile(rf"({_KEY})=\( *({_STRING}(?: +{_STRING})*) *\)((?:{_PARAMETER})*)", re.ASCII)
_SIGNATURE = re.compile(rf"({_KEY})=:([A-Za-z0-9+/]*={{0,2}}):", re.ASCII)
_COMMA = re.compile(r"[ \t]*,[ \t]*")


class Request(NamedTuple):
    """A handshake as its client sees it."""

    target: str
    """Path and query, as they were sent."""
    authority: str
    """Host, and port unless it is the usual one; as the client knows them, before any proxy."""
    headers: Mapping[str, str]
    """Names in lower case; what was sent several times is joined with a comma and a space."""


class Signed(NamedTuple):
    """A signature that holds."""

    key_id: str
    nonce: str
    created_s: int
    """Unix time."""


def verified(request: Request, secrets_by_key: Mapping[str, bytes], now_s: float) -> Signed:
    """The signature of a request; takes as long for an unknown key as for a wrong signature.

    Args:
        request: what was signed.
        secrets_by_key: key id (the API key) -> client secret.
        now_s: Unix time.

    Raises:
        Refused: ``unauthorized``: no signature, one that cannot be read, covers too little, is too old or
            from the future, or does not match.
    """
    for name in ("x-api-key", "signature-input", "signature"):
        if name not in request.headers:
            raise Refused(
                "unauthorized", f"no header {name}: give the integration its API key and client secret"
            )
    components, parameters, label = _input(request.headers["signature-input"])
    signature = _members(_SIGNATURE, request.headers["signature"], "signature").get(label)
    if signature is None:
        raise Refused(
            "unauthorized", f"signature holds nothing labelled {label[:40]}, as signature-input does"
        )
    signed = _checked(parameters, request.headers["x-api-key"].strip(), now_s)
    base = _base(request, components, parameters)
    secret = secrets_by_key.get(signed.key_id)
    mac = hmac.new(
        secret or secrets.token_bytes(32), base.encode("latin-1", "replace"), hashlib.sha256
    ).digest()
    try:
        given = base64.b64decode(signature[0], validate=True)
    except binascii.Error:
        given = b""
    if not hmac.compare_digest(mac, given) or secret is None:
        raise Refused(
            "unauthorized",
            f"the signature does not match: is the client secret right, and {request.authority[:80]} the "
            "address that Genesys connects to?",
        )
    return signed


class Nonces:
    """Signatures seen, for as long as they could be used again.

    Args:
        limit: how many may be seen in ``MAX_AGE_S``; more are refused rather than forgotten.
    """

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._until: dict[tuple[str, str], float] = {}

    def use(self, signed: Signed, now_s: float) -> None:
        """Notes a signature that has been verified.

        Raises:
            Refused: ``unauthorized`` if it has been used, ``overloaded`` if too many are known.
        """
        name = signed.key_id, signed.nonce
        if self._until.get(name, now_s) > now_s:
            raise Refused("unauthorized", "this signature has been used: sign each connection anew")
        if len(self._until) >= self._limit:
            self._until = {each: until for each, until in self._until.items() if until > now_s}
        if len(self._until) >= self._limit:
            raise Refused(
                "overloaded", f"more than {self._limit} connections in {MAX_AGE_S:g} s: try again later"
            )
        self._until[name] = now_s + MAX_AGE_S + MAX_SKEW_S + 1.0


def _members(pattern: re.Pattern[str], field: str, name: str) -> dict[str, tuple[str, ...]]:
    """The members of a dictionary field, by label; the last one of a name counts, as in RFC 8941."""
    field = field.strip(" \t")
    if len(field) > LONGEST_FIELD:
        raise Refused("unauthorized", f"{name} has {len(field)} characters: at most {LONGEST_FIELD} are read")
    members, at = {}, 0
    while match := pattern.match(field, at):
        members[match[1]] = match.groups()[1:]
        if match.end() == len(field):
            return members
        comma = _COMMA.match(field, match.end())
        if comma is None:
            break
        at = comma.end()
    raise Refused("unauthorized", f"{name} cannot be read: expected what RFC 9421 prescribes")


def _input(field: str) -> tuple[list[str], dict[str, str], str]:
    """Covered components and parameters, in their order, and the label, of the one signature."""
    members = _members(_INPUT, field, "signature-input")
    if len(members) != 1:
        raise Refused("unauthorized", f"{len(members)} signatures: send one")
    ((label, (listed, tail)),) = members.items()
    components = [each[1:-1] for each in re.findall(_STRING, listed)]
    pairs = _PARAMETER_PARTS.findall(tail)
    parameters = dict(pairs)
    if len(set(components)) != len(components) or len(parameters) != len(pairs):
        raise Refused("unauthorized", "signature-input names something twice")
    missing = [name for name in COVERED if name not in components]
    if missing:
        raise Refused("unauthorized", f"the signature does not cover {', '.join(missing)}")
    return components, parameters, label


def _checked(parameters: Mapping[str, str], api_key: str, now_s: float) -> Signed:
    def text(name: str) -> str:
        value = parameters.get(name, "")
        if not value.startswith('"'):
            raise Refused("unauthorized", f"signature-input lacks {name}")
        return value[1:-1]

    def time_s(name: str) -> int:
        value = parameters.get(name, "")
        if not value.isdigit():
            raise Refused("unauthorized", f"signature-input lacks {name}")
        return int(value)

    signed = Signed(text("keyid"), text("nonce"), time_s("created"))
    if signed.key_id != api_key:
        raise Refused("unauthorized", "keyid of the signature and X-API-KEY differ")
    if len(signed.nonce) < SHORTEST_NONCE:
        raise Refused("unauthorized", f"nonce has {len(signed.nonce)} characters: at least {SHORTEST_NONCE}")
    if parameters.get("alg", '"hmac-sha256"') != '"hmac-sha256"':
        raise Refused("unauthorized", "alg of the signature: only hmac-sha256 is taken")
    age_s = now_s - signed.created_s
    if age_s > MAX_AGE_S or ("expires" in parameters and time_s("expires") < now_s):
        raise Refused(
            "unauthorized", f"the signature is {age_s:.0f} s old, or has expired: are the clocks right?"
        )
    if age_s < -MAX_SKEW_S:
        raise Refused(
            "unauthorized", f"the signature is {-age_s:.0f} s from the future: are the clocks right?"
        )
    return signed


def _base(request: Request, components: list[str], parameters: Mapping[str, str]) -> str:
    """What was signed, written anew from what was read."""
    derived = {"@request-target": request.target, "@authority": request.authority}
    lines = []
    for name in components:
        value = derived.get(name) if name.startswith("@") else request.headers.get(name)
        if value is None:
            raise Refused(
                "unauthorized", f"the signature covers {name[:40]}, which the request does not have"
            )
        lines.append(f'"{name}": {value.strip()}')
    listed = " ".join(f'"{name}"' for name in components)
    tail = "".join(f";{name}={value}" for name, value in parameters.items())
    return "\n".join([*lines, f'"@signature-params": ({listed}){tail}'])
