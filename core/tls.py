"""TLS of our own servers and clients: version 1.2 or newer; of servers, cipher suites with forward secrecy alone."""

import ssl
from pathlib import Path
from typing import Final

from core.errors import TlsError, UnsafeFileError
from core.private_files import read_private

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2 (RFC 9325, section 4.2); those of TLS 1.3 are all of this kind."""


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """The context of a server; `certificate` is its chain and `key` its private key, both in PEM.

    Raises `TlsError` where a file is missing, other users can read the key, or the two do not belong together.
    """
    try:
        read_private(key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(CIPHERS)
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(certificate, key, password=_no_password)
    except FileNotFoundError as error:
        raise TlsError(f"{error.filename or certificate} not found; see docs/operate/tls.md") from None
    except UnsafeFileError as error:
        raise TlsError(str(error)) from None
    except (ssl.SSLError, OSError, ValueError) as error:
        why = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        raise TlsError(
            f"{certificate} and {key} cannot be used ({why}); both must be PEM, the key without a password and of the "
            "first certificate"
        ) from None
    return context


def client_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """The context of a client that verifies certificate and name, by the system's authorities and those of `ca_file`.

    Raises `TlsError` where the file cannot be read.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise TlsError(f"{ca_file} cannot be read as certificates in PEM ({error.strerror or error})") from None
    return context


def pinned_context(certificate: Path) -> ssl.SSLContext:
    """The context of a client that accepts this certificate only, and no check of its name. Raises `OSError`."""
    context = ssl.create_default_context(cafile=str(certificate))
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _no_password() -> str:
    raise ValueError("the key has a password")
