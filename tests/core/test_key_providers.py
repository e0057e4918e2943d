"""Data keys are wrapped by a file, HashiCorp Vault or AWS KMS, over the wire of each, and by nothing else."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr, ValidationError

from core import clock
from core.errors import CoreError, DecryptionError, KeyProviderUnavailableError, SettingsError
from core.field_encryption import BoundKey, KeyProvider, KeyProviders, KeyRing
from core.field_encryption.key_ring import ASK_AGAIN_AFTER, MAX_AGE, REFRESH_AFTER
from core.field_encryption.vault_provider import ATTEMPTS, LOOK_EVERY, MAX_BATCH
from core.settings import Settings
from tests.core.test_encryption import NEW, OLD
from tests.core.test_sealing import MemorySource
from tests.core.vault_server import TOKEN, FakeVault, vault_server

KEY, CONTEXT = b"d" * 32, "ginja/members/3"


@pytest.fixture
def vault() -> Iterator[FakeVault]:
    with vault_server() as server:
        yield server


@pytest.fixture(scope="module")
def kms_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def kms_client(url: str) -> Any:
    return botocore.session.get_session().create_client("kms", region_name="eu-west-1", endpoint_url=url)


def of_vault(vault: FakeVault, tmp_path: Path, **changes: Any) -> Settings:
    token = tmp_path / "token"
    if not token.exists():
        token.write_text(f"{TOKEN}\n")
        token.chmod(0o600)
    return Settings(
        key_provider="vault", vault_url=vault.url, vault_token_file=token, home=tmp_path / "home", **changes
    )


def of_kms(url: str, key: str, **changes: Any) -> Settings:
    return Settings(key_provider="aws-kms", aws_kms_url=url, aws_kms_region="eu-west-1", aws_kms_key=key, **changes)


@pytest.fixture(params=["file", "named keys", "vault", "aws-kms"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "file":
        return Settings(home=tmp_path / "home")
    if request.param == "named keys":
        return Settings(encryption_keys=SecretStr(OLD))
    if request.param == "vault":
        return of_vault(request.getfixturevalue("vault"), tmp_path)
    request.getfixturevalue("credentials")
    url = request.getfixturevalue("kms_url")
    return of_kms(url, kms_client(url).create_key()["KeyMetadata"]["KeyId"])


@pytest.fixture
def provider(settings: Settings) -> KeyProvider:
    return KeyProviders(settings).current


def test_a_key_is_unwrapped_by_every_process_with_the_context_that_it_was_wrapped_for(
    settings: Settings, provider: KeyProvider
):
    wrapped = provider.wrap(KEY, CONTEXT)
    assert KEY not in wrapped.wrapped
    assert KeyProviders(settings).current.unwrap(wrapped.wrapped, CONTEXT) == KEY
    assert provider.wrap(KEY, CONTEXT).wrapped != wrapped.wrapped
    with pytest.raises(DecryptionError):
        provider.unwrap(wrapped.wrapped, "ginja/members/4")


def test_a_wrapped_key_that_was_changed_or_is_of_another_provider_is_not_unwrapped(provider: KeyProvider):
    wrapped = provider.wrap(KEY, CONTEXT).wrapped
    for changed in (wrapped[:-3], wrapped[:-3] + b"AAA", b"", b"vault:v1:xxxx", b"\x01" * 61):
        with pytest.raises(DecryptionError):
            provider.unwrap(changed, CONTEXT)


def test_rewrapped_keys_are_the_same_keys_for_the_same_contexts(provider: KeyProvider):
    contexts = [f"ginja/members/{number}" for number in range(MAX_BATCH + 1 if provider.name == "vault" else 3)]
    keys = [BoundKey(provider.wrap(KEY, one).wrapped, one) for one in contexts]
    is_versioned = provider.rotate()
    rewrapped = provider.rewrap(keys)
    assert all(new.wrapped != old.wrapped for new, old in zip(rewrapped, keys, strict=True))
    assert {provider.unwrap(new.wrapped, context) for new, context in zip(rewrapped, contexts, strict=True)} == {KEY}
    with pytest.raises(DecryptionError):
        provider.unwrap(rewrapped[0].wrapped, contexts[1])
    with pytest.raises(DecryptionError):
        provider.rewrap([BoundKey(keys[0].wrapped, contexts[1])])
    if is_versioned:
        assert provider.wrap(KEY, CONTEXT).master_version == rewrapped[0].master_version
        assert provider.unwrap(keys[0].wrapped, contexts[0]) == KEY


def test_a_new_key_of_the_file_comes_first_and_is_used_by_processes_that_run(tmp_path: Path):
    running = KeyProviders(Settings(home=tmp_path)).current
    before = running.wrap(KEY, CONTEXT)
    assert KeyProviders(Settings(home=tmp_path)).current.rotate()
    file = tmp_path / "encryption.key"
    assert (len(file.read_text().split()), file.stat().st_mode & 0o777) == (2, 0o600)
    assert [one.name for one in tmp_path.iterdir()] == ["encryption.key"]
    assert running.wrap(KEY, CONTEXT).master_version != before.master_version
    assert running.unwrap(before.wrapped, CONTEXT) == KEY


def test_named_keys_and_aws_make_no_version_themselves(kms_url: str, credentials: None):
    assert not KeyProviders(Settings(encryption_keys=SecretStr(f"{NEW},{OLD}"))).current.rotate()
    assert not KeyProviders(of_kms(kms_url, "alias/ginja")).current.rotate()


def test_an_alias_that_names_another_key_moves_keys_to_it(kms_url: str, credentials: None):
    client = kms_client(kms_url)
    first, second = (client.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    client.create_alias(AliasName="alias/moved", TargetKeyId=first)
    provider = KeyProviders(of_kms(kms_url, "alias/moved")).current
    wrapped = provider.wrap(KEY, CONTEXT)
    client.update_alias(AliasName="alias/moved", TargetKeyId=second)
    (moved,) = provider.rewrap([BoundKey(wrapped.wrapped, CONTEXT)])
    assert (wrapped.master_version, moved.master_version) == (first, second)
    assert provider.unwrap(moved.wrapped, CONTEXT) == provider.unwrap(wrapped.wrapped, CONTEXT) == KEY


def test_requests_to_aws_are_signed_and_name_the_row(kms_url: str, credentials: None):
    key = kms_client(kms_url).create_key()["KeyMetadata"]["KeyId"]
    provider: Any = KeyProviders(of_kms(kms_url, key)).current
    sent: list[Any] = []
    provider._client.meta.events.register("before-send.kms.Encrypt", lambda request, **_: sent.append(request))
    provider.wrap(KEY, CONTEXT)
    (request,) = sent
    assert request.headers["Authorization"].startswith(b"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/")
    assert json.loads(request.body)["EncryptionContext"] == {
        "table": "data_keys",
        "column": "wrapped_key",
        "row": CONTEXT,
    }


def test_aws_that_refuses_or_is_away_is_unavailable_and_not_damage(kms_url: str, credentials: None):
    with pytest.raises(KeyProviderUnavailableError, match="NotFoundException"):
        KeyProviders(of_kms(kms_url, "alias/none")).current.wrap(KEY, CONTEXT)
    with pytest.raises(KeyProviderUnavailableError, match="EndpointConnectionError"):
        KeyProviders(of_kms("http://127.0.0.1:1", "alias/none")).current.unwrap(b"x", CONTEXT)


def test_without_credentials_or_a_region_aws_says_what_is_missing(
    kms_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(KeyProviderUnavailableError, match="NoCredentialsError"):
        KeyProviders(of_kms(kms_url, "alias/ginja")).current.wrap(KEY, CONTEXT)
    with pytest.raises(SettingsError, match="GINJA_AWS_KMS_REGION"):
        KeyProviders(Settings(key_provider="aws-kms", aws_kms_key="alias/ginja"))


def test_vault_is_asked_again_a_bounded_number_of_times(vault: FakeVault, tmp_path: Path):
    provider = KeyProviders(of_vault(vault, tmp_path)).current
    wrapped = provider.wrap(KEY, CONTEXT).wrapped
    vault.failures = [503, 429]
    assert provider.unwrap(wrapped, CONTEXT) == KEY
    vault.requests.clear()
    vault.failures = [503] * ATTEMPTS
    with pytest.raises(KeyProviderUnavailableError, match="503"):
        provider.unwrap(wrapped, CONTEXT)
    assert vault.requests == ["POST /v1/transit/decrypt/ginja"] * ATTEMPTS


def test_vault_that_refuses_the_token_is_not_asked_again_and_a_new_token_is_read(vault: FakeVault, tmp_path: Path):
    provider = KeyProviders(of_vault(vault, tmp_path)).current
    wrapped = provider.wrap(KEY, CONTEXT).wrapped
    vault.token = "hvs.renewed"
    vault.requests.clear()
    with pytest.raises(KeyProviderUnavailableError, match="token") as refused:
        provider.unwrap(wrapped, CONTEXT)
    assert (len(vault.requests), TOKEN in str(refused.value)) == (1, False)
    (tmp_path / "token").write_text(vault.token)
    assert provider.unwrap(wrapped, CONTEXT) == KEY


def test_a_token_is_renewed_when_half_of_its_time_is_over(vault: FakeVault, tmp_path: Path):
    renewal = "POST /v1/auth/token/renew-self"
    provider, at = KeyProviders(of_vault(vault, tmp_path)).current, clock.now() + timedelta(days=1)
    vault.ttl, vault.creation_ttl = 1_801, 3_600
    with clock.held(at):
        wrapped = provider.wrap(KEY, CONTEXT).wrapped
    assert renewal not in vault.requests
    vault.ttl = 1_799
    with clock.held(at + LOOK_EVERY):
        assert provider.unwrap(wrapped, CONTEXT) == KEY
        assert provider.unwrap(wrapped, CONTEXT) == KEY
    assert (vault.requests.count(renewal), vault.ttl) == (1, 3_600)


def test_a_vault_key_that_does_not_bind_contexts_is_refused(vault: FakeVault, tmp_path: Path):
    vault.derived = False
    with pytest.raises(SettingsError, match="derived=true"):
        KeyProviders(of_vault(vault, tmp_path)).current.wrap(KEY, CONTEXT)
    with pytest.raises(KeyProviderUnavailableError, match="GINJA_VAULT_TRANSIT_KEY"):
        KeyProviders(of_vault(vault, tmp_path, vault_transit_key="other")).current.wrap(KEY, CONTEXT)


def test_a_token_that_others_can_read_or_is_missing_is_refused(vault: FakeVault, tmp_path: Path):
    settings = of_vault(vault, tmp_path)
    (tmp_path / "token").chmod(0o644)
    with pytest.raises(CoreError, match="0644"):
        KeyProviders(settings).current.wrap(KEY, CONTEXT)
    (tmp_path / "token").unlink()
    with pytest.raises(KeyProviderUnavailableError, match="GINJA_VAULT_TOKEN_FILE"):
        KeyProviders(settings).current.wrap(KEY, CONTEXT)
    assert vault.requests == []


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"key_provider": "vault"}, "GINJA_VAULT_URL and GINJA_VAULT_TOKEN_FILE"),
        ({"key_provider": "vault", "vault_url": "https://vault.example"}, "GINJA_VAULT_TOKEN_FILE"),
        ({"key_provider": "aws-kms"}, "GINJA_AWS_KMS_KEY"),
        ({"key_provider": "paper"}, "key_provider"),
        ({"vault_url": "http://vault.example"}, "https"),
        ({"aws_kms_url": "http://10.0.0.1"}, "https"),
        ({"vault_transit_key": "../sys"}, "vault_transit_key"),
    ],
)
def test_settings_that_would_not_reach_a_provider_safely_are_refused(values: dict[str, Any], named: str):
    with pytest.raises(ValidationError, match=named):
        Settings(**values)


def test_a_key_of_an_earlier_provider_is_unwrapped_by_it_and_new_ones_by_the_present(vault: FakeVault, tmp_path: Path):
    source = MemorySource()
    sealed = KeyRing(KeyProviders(Settings(home=tmp_path / "home")), source).current("members").seal(b"x", b"at")
    ring = KeyRing(KeyProviders(of_vault(vault, tmp_path)), source)
    assert ring.key(1).open(sealed, b"at") == b"x"
    assert vault.requests == []
    ring.current("notes")
    assert [one.provider for one in source.keys] == ["file", "vault"]
    without = KeyRing(KeyProviders(Settings(home=tmp_path / "home")), source)
    with pytest.raises(SettingsError, match="GINJA_VAULT_URL"):
        without.key(2)


def test_a_provider_that_is_away_is_asked_once_in_a_while_and_keys_in_memory_are_used_meanwhile(
    vault: FakeVault, tmp_path: Path
):
    source, at = MemorySource(), clock.now()
    ring, other = (KeyRing(KeyProviders(of_vault(vault, tmp_path)), source) for _ in range(2))
    with clock.held(at):
        sealed = ring.current("members").seal(b"x", b"at")
    vault.failures = [503] * 99
    vault.requests.clear()
    with clock.held(at + REFRESH_AFTER):
        assert ring.is_aging(1)
        for _ in range(3):
            with pytest.raises(KeyProviderUnavailableError):
                ring.refresh(1)
        assert len(vault.requests) == ATTEMPTS
        assert ring.key(1).open(sealed, b"at") == b"x"
        with pytest.raises(KeyProviderUnavailableError):
            other.key(1)
    with clock.held(at + MAX_AGE):
        with pytest.raises(KeyProviderUnavailableError):
            ring.key(1)
        vault.failures.clear()
        with pytest.raises(KeyProviderUnavailableError):
            ring.key(1)
    with clock.held(at + MAX_AGE + ASK_AGAIN_AFTER):
        assert ring.key(1).open(sealed, b"at") == b"x"
