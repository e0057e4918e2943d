"""Signatures: what they cover, whose are accepted, and where the keys come from."""

import base64
import stat
import subprocess
from pathlib import Path

import pytest

from core.errors import InvalidSignatureError, SigningKeyError, UntrustedSignatureError
from core.settings import Settings
from core.signing import KEY_FILE, SIGNATURE_LIMIT, Signature, own_public_key, signing_key, trusted_keys


def of_home(home: Path, **more: object) -> Settings:
    """Settings of a home that has its own key."""
    return Settings.model_validate({"home": home, "signing_key_file": None, **more})


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    return of_home(tmp_path / "own")


@pytest.fixture
def foreign(tmp_path: Path) -> Settings:
    return of_home(tmp_path / "foreign")


def test_what_a_home_signs_it_accepts(own: Settings) -> None:
    signature = signing_key(own).sign("model", b"manifest")
    trusted_keys(own).verify("model", b"manifest", Signature.parse(signature.to_bytes()))
    assert stat.S_IMODE((own.home / KEY_FILE).stat().st_mode) == 0o600
    assert signing_key(own).sign("model", b"manifest") == signature  # the same key, and deterministic


@pytest.mark.parametrize("content", [b"manifesu", b"manifest ", b"", b"manifes"])
def test_other_content_is_not_accepted(own: Settings, content: bytes) -> None:
    signature = signing_key(own).sign("model", b"manifest")
    with pytest.raises(InvalidSignatureError, match="changed after it was signed"):
        trusted_keys(own).verify("model", content, signature)


def test_a_signature_has_one_spelling(own: Settings) -> None:
    signature = signing_key(own).sign("model", b"manifest")
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = digits.index(signature.signature[85])
    for unused in range(1, 16):
        other = signature.signature[:85] + digits[last + unused] + "=="
        assert base64.b64decode(other) == base64.b64decode(signature.signature)
        with pytest.raises(InvalidSignatureError, match="not a signature"):
            Signature.parse(signature.to_bytes().replace(signature.signature.encode(), other.encode()))


def test_a_signature_of_a_model_is_none_of_a_registry(own: Settings) -> None:
    signature = signing_key(own).sign("model", b"content")
    with pytest.raises(InvalidSignatureError):
        trusted_keys(own).verify("feature registry", b"content", signature)


def test_a_signature_under_the_id_of_another_key_is_not_accepted(own: Settings, foreign: Settings) -> None:
    forged = signing_key(foreign).sign("model", b"manifest")
    named = forged.model_copy(update={"key": signing_key(own).sign("model", b"").key})
    with pytest.raises(InvalidSignatureError):
        trusted_keys(own).verify("model", b"manifest", named)


def test_a_foreign_key_is_accepted_only_when_it_is_listed(own: Settings, foreign: Settings) -> None:
    signature = signing_key(foreign).sign("model", b"manifest")
    with pytest.raises(UntrustedSignatureError, match=signature.key):
        trusted_keys(own).verify("model", b"manifest", signature)
    listed = of_home(own.home, signing_public_keys=own_public_key(foreign))
    trusted_keys(listed).verify("model", b"manifest", signature)


def test_a_home_does_not_sign_what_it_would_refuse(own: Settings, foreign: Settings) -> None:
    signing_key(foreign)
    listed = of_home(own.home, signing_public_keys=own_public_key(foreign))
    with pytest.raises(SigningKeyError, match="none of GINJA_SIGNING_PUBLIC_KEYS"):
        signing_key(listed)
    both = of_home(own.home, signing_public_keys=f"{own_public_key(foreign)}, {own_public_key(own)}")
    trusted_keys(both).verify("model", b"m", signing_key(both).sign("model", b"m"))


def test_verifying_makes_no_key_and_accepts_nothing_without_one(own: Settings) -> None:
    assert trusted_keys(own).keys == {}
    assert own_public_key(own) is None
    assert not own.home.exists()


def test_a_key_of_openssl_signs(tmp_path: Path, own: Settings) -> None:
    path = tmp_path / "release.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path], check=True, capture_output=True)
    path.chmod(0o600)
    named = of_home(own.home, signing_key_file=path)
    trusted_keys(named).verify("model", b"m", signing_key(named).sign("model", b"m"))
    assert not (own.home / KEY_FILE).exists()


def test_a_key_file_that_is_named_and_missing_is_not_made(tmp_path: Path, own: Settings) -> None:
    named = of_home(own.home, signing_key_file=tmp_path / "none.key")
    with pytest.raises(SigningKeyError, match="openssl genpkey -algorithm ed25519"):
        signing_key(named)
    assert not (tmp_path / "none.key").exists()


@pytest.mark.parametrize("text", ["", "not a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_without_an_ed25519_key_is_refused(own: Settings, text: str) -> None:
    own.home.mkdir()
    (own.home / KEY_FILE).touch(0o600)
    (own.home / KEY_FILE).write_text(text)
    for use in (signing_key, trusted_keys):
        with pytest.raises(SigningKeyError, match="Ed25519 private key in PEM"):
            use(own)


def test_an_rsa_key_is_refused(tmp_path: Path, own: Settings) -> None:
    path = tmp_path / "rsa.key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "rsa", "-out", path], check=True, capture_output=True)
    path.chmod(0o600)
    with pytest.raises(SigningKeyError, match="Ed25519"):
        signing_key(of_home(own.home, signing_key_file=path))


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"\xff", b'{"algorithm":"none","key":"","signature":""}'])
def test_what_is_no_signature_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidSignatureError, match="not a signature"):
        Signature.parse(raw)


def test_the_limit_of_a_signature_counts_its_bytes(own: Settings) -> None:
    raw = signing_key(own).sign("model", b"m").to_bytes()
    assert Signature.parse(raw + b" " * (SIGNATURE_LIMIT - len(raw))) == Signature.parse(raw)
    with pytest.raises(InvalidSignatureError):
        Signature.parse(raw + b" " * (SIGNATURE_LIMIT - len(raw) + 1))


@pytest.mark.parametrize("keys", ["", "abc", "A" * 43, "A" * 44 + ",", "A" * 48])
def test_public_keys_of_another_form_are_refused_by_the_settings(keys: str) -> None:
    with pytest.raises(ValueError, match="ginja model public-key"):
        Settings.model_validate({"signing_public_keys": keys})
