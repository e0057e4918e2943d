"""Which connections may be plain: to this machine and to hosts that the operator names; all others need TLS.

Each check raises `ValueError` for the operator. Its message has no part of the URL, which may hold a password.
"""

import ipaddress
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from core.setting_types import is_this_machine

_LONGEST_HOSTS: Final = 10_000
_VERIFYING: Final = "verify-full"
_NAMING: Final = ("host", "hostaddr")
"""Parameters of a URL by which libpq and redis-py take a host too."""
_REMEDY: Final = "or name its host in GINJA_PLAINTEXT_HOSTS if the network between is trusted"


def check_plaintext_hosts(text: str) -> str:
    """Host names, addresses and networks, separated by commas; raises `ValueError`."""
    if len(text) > _LONGEST_HOSTS:
        raise ValueError(f"must have at most {_LONGEST_HOSTS} characters")
    for one in _named(text):
        try:
            ipaddress.ip_network(one)
        except ValueError:
            if not one.replace("-", "").replace(".", "").replace("_", "").isalnum() or not one.isascii():
                raise ValueError(
                    "must be host names, addresses or networks such as postgres or 10.1.0.0/16, separated by commas"
                ) from None
    return text


def check_database(url: str, plaintext_hosts: str) -> None:
    """A Postgres beyond this machine is reached with TLS, and its certificate and name are verified."""
    hosts, query = _hosts(url)
    if "service" in query:
        raise ValueError("must name its host: a `service` would take it from another file")
    if _all_plain(hosts, plaintext_hosts) or set(query.get("sslmode", ())) == {_VERIFYING}:
        return
    raise ValueError(f"must have sslmode=verify-full, because Postgres is not on this machine; add it, {_REMEDY}")


def check_valkey(url: str, plaintext_hosts: str) -> None:
    """A Valkey beyond this machine is reached with TLS, and its certificate and name are verified."""
    hosts, query = _hosts(url)
    scheme = urlsplit(url).scheme
    if scheme == "unix" or _all_plain(hosts, plaintext_hosts):
        return
    if scheme != "rediss":
        raise ValueError(f"must begin with rediss://, because Valkey is not on this machine; change it, {_REMEDY}")
    if set(query.get("ssl_cert_reqs", ["required"])) != {"required"} or "ssl_check_hostname" in query:
        raise ValueError(f"must leave the check of Valkey's certificate and name on; remove the parameters, {_REMEDY}")


def check_clamd(url: str, plaintext_hosts: str) -> None:
    """A clamd beyond this machine, which has no TLS of its own, is at a host that the operator names."""
    if urlsplit(url).scheme != "unix" and not _all_plain(_hosts(url)[0], plaintext_hosts):
        raise ValueError(f"must be on this machine, because clamd has no TLS; use a tunnel with TLS, {_REMEDY}")


def check_http(url: str, plaintext_hosts: str, *, server: str) -> None:
    """A scorer or an MLflow beyond this machine is reached by HTTPS. Other schemes than `http` are of no concern."""
    if urlsplit(url).scheme.lower() == "http" and not _all_plain(_hosts(url)[0], plaintext_hosts):
        raise ValueError(f"must begin with https://, because {server} is not on this machine; change it, {_REMEDY}")


def _hosts(url: str) -> tuple[list[str], dict[str, list[str]]]:
    """Every host that a client could take from a URL, and the URL's parameters. Without one it is this machine."""
    parts = urlsplit(url)
    query = parse_qs(parts.query, keep_blank_values=True)
    named = [unquote(parts.hostname or "")] + [one for name in _NAMING for one in query.get(name, [])]
    return [host.strip() for text in named for host in text.split(",") if host.strip()], query


def _all_plain(hosts: list[str], plaintext_hosts: str) -> bool:
    allowed = _named(plaintext_hosts)
    return all(host.startswith(("/", "@")) or is_this_machine(host) or _is_among(host, allowed) for host in hosts)


def _is_among(host: str, allowed: list[str]) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower() in allowed
    return any(address in network for network in map(_network, allowed) if network is not None)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def _named(text: str) -> list[str]:
    return [one.strip().lower() for one in text.split(",") if one.strip()]
