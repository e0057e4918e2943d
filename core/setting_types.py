"""Types of settings, and what each of them allows; a message of theirs is for the operator and contains no secret."""

import base64
import binascii
import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, SecretStr

from core.mail_address import parse_address

_DATABASE_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_REDIS_SCHEMES = ("redis", "rediss", "unix")
_HTTP_SCHEMES = ("http", "https")
_LONGEST_ZONE = 64
_KEY_BYTES = 32
_SHORTEST_TOKEN, _LONGEST_TOKEN = 32, 512
_RATE_LIMIT = re.compile(r"([a-z][a-z_]{0,39})=([0-9]{1,9})/([0-9]{1,5})", re.ASCII)
_MOST_REQUESTS = 100_000_000
_DAY_S = 86_400
SMTP_PORTS = {"starttls": 587, "implicit": 465, "none": 25}
"""Usual port by encryption."""


def _has_scheme(url: str, schemes: tuple[str, ...]) -> str:
    """Check that a URL has one of the schemes and a valid port; the message does not contain the URL, which may hold
    a password."""
    try:
        parts = urlsplit(url)
        wrong = parts.scheme not in schemes or "://" not in url or parts.port == 0
    except ValueError:
        wrong = True
    if wrong:
        raise ValueError(f"must be a URL such as {schemes[0]}://host:port")
    return url


def _database_url(url: SecretStr) -> SecretStr:
    return SecretStr(_has_scheme(url.get_secret_value(), _DATABASE_SCHEMES))


def _redis_url(url: SecretStr) -> SecretStr:
    return SecretStr(_has_scheme(url.get_secret_value(), _REDIS_SCHEMES))


def _clamd_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_socket = parts.scheme == "unix" and parts.path.startswith("/") and not parts.netloc
        is_port = parts.scheme == "tcp" and bool(parts.hostname) and bool(parts.port) and parts.path in ("", "/")
    except ValueError:
        is_socket = is_port = False
    if not (is_socket or is_port) or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be unix:///run/clamav/clamd.ctl or tcp://host:port")
    return url


def _http_url(url: str) -> str:
    return _has_scheme(url, _HTTP_SCHEMES)


def _time_zone(name: str) -> str:
    try:
        if len(name) > _LONGEST_ZONE:
            raise ZoneInfoNotFoundError
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be an IANA time zone such as UTC or Africa/Nairobi") from None
    return name


def _encryption_keys(keys: SecretStr) -> SecretStr:
    for key in keys.get_secret_value().split(","):
        try:
            size = len(base64.b64decode(key.strip(), altchars=b"-_", validate=True))
        except (binascii.Error, ValueError):
            size = 0
        if size != _KEY_BYTES:
            raise ValueError("must be one or more keys of 32 bytes in URL-safe base64, separated by commas")
    return keys


def _scorer_token(token: SecretStr) -> SecretStr:
    text = token.get_secret_value()
    if not _SHORTEST_TOKEN <= len(text) <= _LONGEST_TOKEN or not all("!" <= one <= "~" for one in text):
        raise ValueError(
            f"must be {_SHORTEST_TOKEN} to {_LONGEST_TOKEN} printable ASCII characters without spaces, such as those "
            "of `openssl rand -hex 32`"
        )
    return token


def _public_keys(keys: str) -> str:
    for key in keys.split(","):
        try:
            size = len(base64.b64decode(key.strip(), validate=True))
        except (binascii.Error, ValueError):
            size = 0
        if size != _KEY_BYTES:
            raise ValueError("must be one or more public keys of `ginja model public-key`, separated by commas")
    return keys


def parse_networks(text: str) -> "tuple[IpNetwork, ...]":
    """Networks that are separated by commas; raises `ValueError`."""
    return tuple(ipaddress.ip_network(one.strip()) for one in text.split(",") if one.strip())


def parse_rate_limits(text: str) -> dict[str, tuple[int, int]]:
    """Requests and seconds by the name of a limit; raises `ValueError`."""
    found: dict[str, tuple[int, int]] = {}
    for one in filter(None, (part.strip() for part in text.split(","))):
        matched = _RATE_LIMIT.fullmatch(one)
        if matched is None or not 1 <= int(matched[2]) <= _MOST_REQUESTS or not 1 <= int(matched[3]) <= _DAY_S:
            raise ValueError(
                f"must be NAME=REQUESTS/SECONDS such as provider=600/60, separated by commas: 1 to {_MOST_REQUESTS} "
                f"requests in 1 to {_DAY_S} seconds"
            )
        if matched[1] in found:
            raise ValueError(f"must have {matched[1]} once")
        found[matched[1]] = int(matched[2]), int(matched[3])
    return found


def _rate_limits(text: str) -> str:
    parse_rate_limits(text)
    return text


def _networks(text: str) -> str:
    try:
        parse_networks(text)
    except ValueError:
        raise ValueError("must be networks such as 10.0.0.0/8 or 127.0.0.1/32, separated by commas") from None
    return text


def is_this_machine(host: str | None) -> bool:
    """Whether a host is a name or address of this machine."""
    try:
        return host == "localhost" or (host is not None and ipaddress.ip_address(host).is_loopback)
    except ValueError:
        return False


Port = Annotated[int, Field(ge=1, le=65_535)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
ClamdUrl = Annotated[str, AfterValidator(_clamd_url)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
EncryptionKeys = Annotated[SecretStr, AfterValidator(_encryption_keys)]
ScorerToken = Annotated[SecretStr, AfterValidator(_scorer_token)]
PublicKeys = Annotated[str, AfterValidator(_public_keys)]
Networks = Annotated[str, AfterValidator(_networks)]
RateLimitText = Annotated[str, AfterValidator(_rate_limits)]
MailAddress = Annotated[str, AfterValidator(parse_address)]
KeyProviderName = Literal["file", "vault", "aws-kms"]
SmtpTls = Literal["starttls", "implicit", "none"]
SignedRequestsPolicy = Literal["required", "accepted"]
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_regions(text: str) -> dict[Path, str]:
    """Folders and their regions; raises `ValueError`."""
    found = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        folder, equals, region = part.rpartition("=")
        if not equals or not Path(folder).is_absolute() or not re.fullmatch(r"[a-z]{2}(-[a-z0-9]+)*", region):
            raise ValueError("must be FOLDER=REGION, separated by commas: absolute paths, and regions such as us")
        found[Path(folder).resolve()] = region
    return found


def _check_regions(text: str) -> str:
    parse_regions(text)
    return text


RegionFolders = Annotated[str, AfterValidator(_check_regions)]
"""Folders and the region each is in."""
