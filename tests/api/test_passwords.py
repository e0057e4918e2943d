"""What is accepted as a password, and that checking one takes the same work for every login."""

import asyncio

import pytest

from api.errors import Overloaded
from api.users import PasswordHasher, WeakPassword
from api.users.passwords import MAX_WAITING, MOST_CHARACTERS, accepted_password, normalize


def accepted(password: str, *, second_factor: bool = False) -> str:
    return accepted_password(
        password, login="ann.otieno@insurer.example", display_name="Ann Otieno", second_factor=second_factor
    )


@pytest.mark.parametrize(
    ("password", "second_factor"),
    [
        ("abcd efgh ijkl ", False),  # 15 characters
        ("abcdxyzt", True),  # 8
        ("x" + "yzab" * 63 + "cde", False),  # 256
        ("长城长于黄河水流不断向东去了么", False),
        ("🙂🙃🐘🦒🦓🐇🐢🐍🦎🐊🐅🐆🦛🦏🐪", False),
        ("no digits and no capitals", False),
        ("\tcontrol\x00characters\n", False),
    ],
)
def test_a_long_password_of_any_characters_is_accepted(password: str, second_factor: bool):
    assert accepted(password, second_factor=second_factor) == password


@pytest.mark.parametrize(
    ("password", "second_factor", "message"),
    [
        ("abcd efgh ijkl", False, "15 to 256"),
        ("abcdxyz", True, "8 to 256"),
        ("", True, "8 to 256"),
        ("x" + "yzab" * 64, False, "15 to 256"),
        ("SunShine", True, "frequent"),
        ("Baseball", True, "frequent"),
        ("1QAZ2wsx3edc4rfv", False, "frequent"),
        ("passwordPassword", False, "repeats"),
        ("aaaaaaaaaaaaaaaab", False, "repeats"),
        ("123456781234567812345678", False, "repeats"),
        ("my ANN.OTIENO is long", False, "must not contain"),
        ("Otieno and the sea", False, "must not contain"),
        ("I sign in to Ginja now", False, "must not contain"),
        ("lone \ud800 surrogate here", False, "Unicode"),
    ],
)
def test_a_password_that_is_short_frequent_or_about_the_user_is_refused(password, second_factor, message):
    with pytest.raises(WeakPassword, match=message) as refused:
        accepted(password, second_factor=second_factor)
    assert not password or password not in str(refused.value)


def test_the_length_is_that_of_the_normalized_text():
    decomposed = "e\N{COMBINING ACUTE ACCENT}" * 7 + "twelveab"
    assert accepted(decomposed) == "é" * 7 + "twelveab"
    with pytest.raises(WeakPassword, match="15"):
        accepted("e\N{COMBINING ACUTE ACCENT}" * 7 + "twelve")
    assert len(normalize("x" * MOST_CHARACTERS)) == MOST_CHARACTERS


async def test_the_same_text_in_another_form_is_the_same_password_and_nothing_is_cut_off():
    hasher = PasswordHasher()
    long = "é" * 200
    password_hash = await hasher.hash(normalize(long))
    assert password_hash.startswith("$argon2id$")
    assert await hasher.verify("e\N{COMBINING ACUTE ACCENT}" * 200, password_hash)
    assert not await hasher.verify(long[:-1], password_hash)
    assert not await hasher.verify("\ud800", password_hash)
    hasher.close()


async def test_an_unknown_login_costs_a_verification_too(monkeypatch: pytest.MonkeyPatch):
    hasher = PasswordHasher()
    password_hash = await hasher.hash("x")
    verified: list[str] = []
    verify = hasher._hash.verify

    def noted(password: str, stored: str) -> bool:
        verified.append(stored.rpartition("$")[0].rpartition("$")[0])
        return verify(password, stored)

    monkeypatch.setattr(hasher._hash, "verify", noted)
    assert await hasher.verify("x", password_hash)
    assert not await hasher.verify("x", None)
    assert not await hasher.verify("", None)
    assert len(verified) == 3
    assert len(set(verified)) == 1, "with the same parameters"
    hasher.close()


async def test_more_sign_ins_than_can_wait_are_refused_at_once():
    hasher = PasswordHasher()
    waiting = [asyncio.create_task(hasher.hash(f"{number}")) for number in range(MAX_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await hasher.hash("one more")
    assert len(set(await asyncio.gather(*waiting))) == MAX_WAITING
    assert await hasher.hash("now")
    hasher.close()
