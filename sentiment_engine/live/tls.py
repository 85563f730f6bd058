"""The server's certificate and key, checked before anything listens."""

import ssl
from pathlib import Path

from sentiment_engine.errors import BadSettings
from sentiment_engine.resources import read_text


def server_tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """TLS 1.2 or newer with this certificate, or None when neither file is given.

    Args:
        certificate: PEM, the server's first, then those between it and a known authority.
        key: PEM, not encrypted.

    Raises:
        BadSettings: only one is given, one cannot be read or used, or they do not belong together.
    """
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise BadSettings("--tls-cert and --tls-key belong together: give both or neither")
    read_text(certificate)
    if "ENCRYPTED" in read_text(key):
        raise BadSettings(
            f"--tls-key {key}: is encrypted, and a server cannot type: decrypt it with openssl pkey"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")
    except ssl.SSLError as reason:
        if reason.reason == "KEY_VALUES_MISMATCH":
            raise BadSettings(f"--tls-key {key} is not the key of --tls-cert {certificate}") from reason
        raise BadSettings(
            f"--tls-cert {certificate} and --tls-key {key}: one of them is no usable PEM file "
            f"({reason.reason or reason})"
        ) from reason
    return context
