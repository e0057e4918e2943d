"""Secrets that an earlier release encrypted can be read by who has the key, and by nobody else."""

import stat

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr, ValidationError

from core.encryption import Encryption, is_fernet
from core.errors import DecryptionError, SettingsError
from core.field_encryption import KEY_FILE, FileKeyProvider, SealingKey
from core.settings import Settings

OLD, NEW = "b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb28=", "bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmU="


def encryption(keys: str) -> Encryption:
    return Encryption(Settings(encryption_keys=SecretStr(keys)))


def encrypted(key: str, value: str) -> bytes:
    """As the release before data keys stored a secret."""
    return Fernet(key).encrypt(value.encode())


def test_every_key_decrypts():
    stored = encrypted(OLD, "whsec_x")
    assert encryption(f"{NEW}, {OLD}").decrypt(stored) == "whsec_x"
    with pytest.raises(DecryptionError, match="GINJA_ENCRYPTION_KEYS"):
        encryption(NEW).decrypt(stored)


def test_what_was_changed_is_not_decrypted():
    stored = bytearray(encrypted(OLD, "whsec_x"))
    stored[30] ^= 1
    with pytest.raises(DecryptionError):
        encryption(OLD).decrypt(bytes(stored))


def test_a_sealed_value_is_none_of_an_earlier_release():
    assert is_fernet(encrypted(OLD, "x"))
    assert not is_fernet(SealingKey(7, b"k" * 32).seal(b"x", b"at"))


def test_without_named_keys_a_private_file_of_the_home_has_one(tmp_path):
    home = Settings(home=tmp_path / "home")
    with pytest.raises(DecryptionError, match="is missing"):
        Encryption(home).decrypt(b"x")
    assert not home.home.exists()
    FileKeyProvider(home).wrap(b"d" * 32, "c")
    file = home.home / KEY_FILE
    assert Encryption(home).decrypt(encrypted(file.read_text().strip(), "whsec_x")) == "whsec_x"
    assert [path.name for path in home.home.iterdir()] == [KEY_FILE]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_home_that_cannot_be_written_says_which_setting_to_use(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="GINJA_ENCRYPTION_KEYS"):
        FileKeyProvider(Settings(home=tmp_path / "file")).wrap(b"d" * 32, "c")


@pytest.mark.parametrize("keys", ["", "short", f"{OLD},", OLD + "=" * 4, "é" * 44, "ab" * 31])
def test_keys_that_are_no_keys_are_refused_without_being_shown(keys):
    with pytest.raises(ValidationError) as error:
        Settings(encryption_keys=SecretStr(keys))
    assert "32 bytes" in str(error.value)
    if len(keys) > 10:
        assert keys not in str(error.value)
