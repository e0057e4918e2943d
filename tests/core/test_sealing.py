"""Sealed values are opened by their key at their place, and nowhere else."""

import stat
from dataclasses import dataclass, field

import pytest
from pydantic import SecretStr

from core import clock
from core.errors import DecryptionError, MasterKeyError
from core.field_encryption import (
    KEY_FILE,
    FileKeyProvider,
    KeyProviders,
    KeyRing,
    SealingKey,
    StoredKey,
    key_id_of,
    place,
)
from core.field_encryption.key_ring import CURRENT_FOR, MAX_AGE, MAX_KEYS
from core.settings import Settings
from tests.core.test_encryption import NEW, OLD

KEY = SealingKey(7, b"k" * 32)
AT = place("members", "name_sealed", "M1")


def test_a_sealed_value_states_its_format_and_key_and_hides_the_rest():
    sealed = KEY.seal(b"Jane Roe", AT)
    assert (sealed[0], key_id_of(sealed), len(sealed)) == (1, 7, 33 + len(b"Jane Roe"))
    assert b"Jane" not in sealed
    assert KEY.open(sealed, AT) == b"Jane Roe"


def test_no_nonce_is_used_twice():
    assert len({KEY.seal(b"", AT)[5:17] for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize("at", [("members", "name_sealed", "M2"), ("members", "sex_sealed", "M1"), ("x", "name", "M1")])
def test_a_value_that_is_copied_to_another_place_is_not_opened(at):
    with pytest.raises(DecryptionError, match="another row"):
        KEY.open(KEY.seal(b"Jane Roe", AT), place(*at))


def test_a_value_with_any_byte_changed_is_not_opened():
    sealed = KEY.seal(b"F", AT)
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(DecryptionError):
            KEY.open(bytes(changed), AT)


def test_what_is_too_short_or_of_another_key_is_refused():
    shortest = KEY.seal(b"", AT)
    assert KEY.open(shortest, AT) == b""
    with pytest.raises(DecryptionError, match="too short"):
        KEY.open(shortest[:-1], AT)
    with pytest.raises(DecryptionError, match="another key"):
        SealingKey(8, b"k" * 32).open(shortest, AT)
    with pytest.raises(DecryptionError):
        SealingKey(7, b"x" * 32).open(shortest, AT)


def of_keys(keys: str) -> FileKeyProvider:
    return FileKeyProvider(Settings(encryption_keys=SecretStr(keys)))


def test_the_first_master_key_wraps_and_every_one_unwraps():
    wrapped = of_keys(OLD).wrap(b"d" * 32, "ginja/members/1")
    assert of_keys(f"{NEW},{OLD}").unwrap(wrapped.wrapped, "ginja/members/1") == b"d" * 32
    renewed = of_keys(f"{NEW},{OLD}").wrap(b"d" * 32, "ginja/members/1")
    assert renewed.master_version != wrapped.master_version
    assert of_keys(NEW).unwrap(renewed.wrapped, "ginja/members/1") == b"d" * 32
    with pytest.raises(DecryptionError, match="GINJA_ENCRYPTION_KEYS"):
        of_keys(OLD).unwrap(renewed.wrapped, "ginja/members/1")
    with pytest.raises(DecryptionError):
        of_keys(OLD).unwrap(wrapped.wrapped, "ginja/members/2")


def test_the_file_of_the_home_is_private_and_a_key_that_is_added_is_found_by_running_processes(tmp_path):
    home = Settings(home=tmp_path / "home")
    running = FileKeyProvider(home)
    before = running.wrap(b"d" * 32, "c")
    file = home.home / KEY_FILE
    assert [path.name for path in home.home.iterdir()] == [KEY_FILE]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text(f"{NEW}\n{file.read_text()}")
    after = FileKeyProvider(home).wrap(b"e" * 32, "c")
    assert after.master_version != before.master_version
    assert running.unwrap(after.wrapped, "c") == b"e" * 32
    assert running.unwrap(before.wrapped, "c") == b"d" * 32


def of_settings(keys: str) -> KeyProviders:
    return KeyProviders(Settings(encryption_keys=SecretStr(keys)))


@dataclass
class MemorySource:
    """Data keys of a process alone."""

    keys: list[StoredKey] = field(default_factory=list)
    asked: int = 0

    def stored(self, key_id):
        self.asked += 1
        return next((one for one in self.keys if one.key_id == key_id), None)

    def newest(self, purpose):
        self.asked += 1
        return next((one for one in reversed(self.keys) if one.purpose == purpose), None)

    def latest(self):
        return self.keys[-1] if self.keys else None

    def add(self, purpose, provider, wrap, after):
        key_id = len(self.keys) + 1
        stored = self.keys[-1:] + [one for one in self.keys[:-1] if one.provider == provider][-1:]
        self.keys.append(StoredKey(key_id, purpose, wrap(key_id, stored).wrapped, provider))
        return self.keys[-1]


def test_keys_are_kept_for_a_bounded_time_and_number():
    source, at = MemorySource(), clock.now()
    ring = KeyRing(of_settings(OLD), source)
    with clock.held(at):
        first = ring.current("members")
        asked = source.asked
        assert (ring.current("members").key_id, ring.key(1).key_id, source.asked) == (1, 1, asked)
    with clock.held(at + CURRENT_FOR):
        assert ring.cached_current("members") is None
        assert ring.cached(1) is not None
    with clock.held(at + MAX_AGE):
        assert ring.cached(1) is None
        assert ring.key(1).open(first.seal(b"x", AT), AT) == b"x"
        for number in range(MAX_KEYS - 1):
            ring.current(f"purpose {number}")
        assert ring.cached(1) is not None
        ring.current("one more")
        assert ring.cached(1) is None
        assert len(ring._keys) == MAX_KEYS


def test_a_key_that_is_not_stored_says_what_to_restore():
    with pytest.raises(DecryptionError, match="data_keys"):
        KeyRing(of_settings(OLD), MemorySource()).key(3)


def test_a_process_with_another_master_key_makes_no_data_key():
    source = MemorySource()
    KeyRing(of_settings(OLD), source).current("members")
    with pytest.raises(DecryptionError, match="GINJA_ENCRYPTION_KEYS"):
        KeyRing(of_settings(NEW), source).current("notes")
    assert [one.purpose for one in source.keys] == ["members"]
    KeyRing(of_settings(f"{NEW},{OLD}"), source).current("notes")
    with pytest.raises(DecryptionError, match="GINJA_ENCRYPTION_KEYS"):
        KeyRing(of_settings(OLD), source).current("tasks")
    assert [one.purpose for one in source.keys] == ["members", "notes"]


def test_a_process_without_a_master_key_makes_its_file_only_where_there_is_no_data_key(tmp_path):
    source = MemorySource()
    own, other = (Settings(home=tmp_path / name) for name in ("own", "other"))
    KeyRing(KeyProviders(own), source).current("members")
    with pytest.raises(DecryptionError, match="is missing"):
        KeyRing(KeyProviders(other), source).current("notes")
    assert (own.home / KEY_FILE).exists()
    assert not (other.home / KEY_FILE).exists()


def test_a_master_key_is_checked_against_the_newest_data_key():
    source = MemorySource()
    KeyRing(of_settings(NEW), source).check()
    KeyRing(of_settings(OLD), source).current("members")
    KeyRing(of_settings(f"{NEW},{OLD}"), source).check()
    with pytest.raises(MasterKeyError, match="GINJA_ENCRYPTION_KEYS") as refused:
        KeyRing(of_settings(NEW), source).check()
    assert refused.value.exit_code == 2
