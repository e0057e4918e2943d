"""The text of an API key: its checksum is checked before anything is looked up."""

import string
import zlib

import pytest

from api.errors import Unauthorized
from api.identity import secrets, service
from tests.api.makers import Api
from tests.api.noted_statements import note_statements

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase


def by_hand(text: str) -> int:
    """The number that six characters of base 62 stand for."""
    return sum(ALPHABET.index(one) * 62**place for place, one in enumerate(reversed(text)))


def test_the_last_six_characters_are_the_crc_32_of_those_before() -> None:
    for secret in (secrets.new_secret() for _ in range(200)):
        assert by_hand(secret[-6:]) == zlib.crc32(secret[:-6].encode())
        assert secrets.is_well_formed(secret)


def test_random_characters_are_those_of_base_62() -> None:
    seen = {one for _ in range(200) for one in secrets.new_secret()[len("gja_live_") : -6]}
    assert seen == set(ALPHABET)


def test_any_one_character_changed_cut_off_or_added_is_noticed() -> None:
    secret = secrets.new_secret()
    for place in range(len(secret)):
        for other in ("A", "b", "7", "_", " ", "é", "\0"):
            changed = secret[:place] + other + secret[place + 1 :]
            assert secrets.is_well_formed(changed) == (changed == secret), place
        assert not secrets.is_well_formed(secret[:place])
    assert not secrets.is_well_formed(secret + "A")


@pytest.mark.parametrize("text", ["", "x", "gja_live_", "gja_test_" + "A" * 49, "GJA_LIVE_" + "A" * 49, "eyJhbGciOiJ9"])
def test_other_texts_are_no_keys(text: str) -> None:
    assert not secrets.is_well_formed(text)


async def test_a_key_with_a_wrong_checksum_is_refused_without_a_query(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = secrets.new_secret()
    wrong = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    sent = note_statements(monkeypatch)
    refused = await api.client.get("/v1/claims", headers={"X-API-Key": wrong})
    assert (refused.status_code, sent) == (401, [])
    assert "cut off or changed" in refused.json()["detail"]
    assert (await api.client.get("/v1/claims", headers={"X-API-Key": secret})).status_code == 401
    assert len(sent) > 0, "a well-formed key is looked up"


async def test_a_key_of_the_earlier_form_is_valid_until_it_is_revoked(api: Api) -> None:
    earlier = "gnj_" + "x" * 43
    api.rows(
        "UPDATE api_keys SET secret_hash = sha256(%s::bytea) WHERE name = 'investigator' RETURNING 1", earlier.encode()
    )
    authenticator = service.Authenticator(api.database)
    assert (await authenticator.authenticate(earlier)).name == "investigator"
    api.execute("UPDATE api_keys SET revoked_at = now() WHERE name = 'investigator'")
    with pytest.raises(Unauthorized):
        await service.Authenticator(api.database).authenticate(earlier)
