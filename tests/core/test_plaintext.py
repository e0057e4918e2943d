"""Connections beyond this machine need TLS, unless the operator names the host."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.settings import Settings

BEYOND = st.sampled_from(["db.example", "10.0.0.7", "172.16.9.9", "8.8.8.8", "[2001:db8::1]", "127.0.0.1.example", "h"])
HERE = st.sampled_from(["localhost", "127.0.0.1", "127.8.9.10", "[::1]", "LOCALHOST"])
MODES = st.sampled_from(["", "?sslmode=disable", "?sslmode=prefer", "?sslmode=require", "?sslmode=verify-ca"])

PLAIN = {
    "database_url": "postgresql://u:secret@{host}:5432/ginja",
    "redis_url": "redis://:secret@{host}:6379/0",
    "scorer_url": "http://{host}:8601",
    "mlflow_url": "http://{host}:5000",
}
ENCRYPTED = {
    "database_url": "postgresql://u:secret@{host}:5432/ginja?sslmode=verify-full",
    "redis_url": "rediss://:secret@{host}:6379/0",
    "scorer_url": "https://{host}:8601",
    "mlflow_url": "https://{host}:5000",
}


def settings_with(**given: Any) -> Settings:
    return Settings(**given)


@pytest.mark.parametrize("setting", PLAIN)
@given(host=BEYOND)
def test_a_plain_connection_to_another_machine_is_refused_without_its_password(setting: str, host: str) -> None:
    with pytest.raises(ValidationError) as refused:
        settings_with(**{setting: PLAIN[setting].format(host=host)})
    error = refused.value.errors(include_input=False)[0]
    assert error["loc"] == (setting,)
    assert "GINJA_PLAINTEXT_HOSTS" in error["msg"]
    assert "secret" not in error["msg"]


@pytest.mark.parametrize("setting", ENCRYPTED)
@given(host=BEYOND)
def test_an_encrypted_connection_to_another_machine_is_allowed(setting: str, host: str) -> None:
    assert settings_with(**{setting: ENCRYPTED[setting].format(host=host)})


@pytest.mark.parametrize("setting", PLAIN)
@given(host=HERE)
def test_a_plain_connection_on_this_machine_is_allowed(setting: str, host: str) -> None:
    assert settings_with(**{setting: PLAIN[setting].format(host=host)})


@given(host=BEYOND, mode=MODES)
def test_postgres_beyond_this_machine_needs_the_strictest_mode(host: str, mode: str) -> None:
    with pytest.raises(ValidationError, match="sslmode=verify-full"):
        Settings(database_url=f"postgresql://u:p@{host}/ginja{mode}")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///ginja?host=db.example",
        "postgresql://localhost/ginja?host=db.example",
        "postgresql://localhost/ginja?hostaddr=10.0.0.7",
        "postgresql:///ginja?host=localhost,db.example",
        "postgresql://db.example/ginja?sslmode=verify-full&sslmode=disable",
        "postgresql:///ginja?service=elsewhere",
        "postgresql://%64b.example/ginja",
    ],
)
def test_no_spelling_of_a_postgres_url_leaves_tls_out(url: str) -> None:
    with pytest.raises(ValidationError, match="database_url"):
        Settings(database_url=url)


@pytest.mark.parametrize(
    "url",
    [
        "rediss://cache.example/0?ssl_cert_reqs=none",
        "rediss://cache.example/0?ssl_cert_reqs=optional",
        "rediss://cache.example/0?ssl_check_hostname=false",
        "redis:///0?host=cache.example",
        "REDIS://cache.example/0",
    ],
)
def test_no_spelling_of_a_valkey_url_leaves_tls_or_its_checks_out(url: str) -> None:
    with pytest.raises(ValidationError, match="redis_url"):
        Settings(redis_url=url)


@pytest.mark.parametrize("url", ["postgresql:///ginja?host=/run/postgresql", "postgresql://%2Frun%2Fpostgresql/ginja"])
def test_a_socket_is_on_this_machine(url: str) -> None:
    assert Settings(database_url=url, redis_url="unix:///run/valkey.sock")


@pytest.mark.parametrize("host", ["h", "10.1.2.3", "[2001:db8::1]"])
@pytest.mark.parametrize("setting", PLAIN)
def test_a_host_that_the_operator_names_may_be_reached_without_tls(setting: str, host: str) -> None:
    url = PLAIN[setting].format(host=host)
    assert settings_with(plaintext_hosts="h, 10.1.0.0/16, 2001:db8::/64", **{setting: url})
    with pytest.raises(ValidationError, match=setting):
        settings_with(plaintext_hosts="other, 10.2.0.0/16, 2001:db8:1::/64", **{setting: url})


def test_a_scorer_bound_beyond_loopback_is_reached_by_a_url_of_its_own() -> None:
    assert Settings(scorer_host="0.0.0.0", scorer_token="t" * 32)
    with pytest.raises(ValidationError, match="scorer_url"):
        Settings(scorer_host="10.0.0.5", scorer_token="t" * 32)
    assert Settings(scorer_host="10.0.0.5", scorer_token="t" * 32, scorer_url="https://scorer.example")


@pytest.mark.parametrize("hosts", ["10.0.0.1/8", "http://h", "a b", "h,,x/y", "*"])
def test_what_is_no_host_cannot_be_named(hosts: str) -> None:
    with pytest.raises(ValidationError, match="plaintext_hosts"):
        Settings(plaintext_hosts=hosts)
