"""Tokens: how they are made, how they are kept, and how they are kept out of logs and errors."""

import hashlib
import re
import secrets

PREFIX = "setk_"
"""What our tokens begin with, so that scanners for secrets, and our own logs, know one when they see it."""

LOOKS_LIKE_ONE = re.compile(PREFIX + r"[A-Za-z0-9_-]{12,}", re.ASCII)
"""A token, or enough of one that was cut short to be worth hiding."""


def new_token() -> str:
    """A token of 256 random bits, of letters, digits, ``-`` and ``_`` only, so that it fits every header."""
    return PREFIX + secrets.token_urlsafe(32)


def sha256_of(secret: str) -> str:
    """What the settings hold in place of ``secret``: 64 hexadecimal digits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def redacted(text: str) -> str:
    """``text`` without anything that looks like one of our tokens, or like most of one."""
    return LOOKS_LIKE_ONE.sub(PREFIX + "***", text)
