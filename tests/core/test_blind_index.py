"""Blind indexes: what is normalized alike is found, and nothing else is."""

import hashlib
import hmac
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.blind_index import BlindIndex, folded, name_parts
from core.field_encryption import SealingKey

KEY = SealingKey(7, bytes(range(32)))
NAMES = st.text(st.sampled_from("abzÄéßøŁñ'’-., ABC"), max_size=20)


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("García-López, Ana María", "ana maria lopez garcia"),
        ("O’Brien", "o'brien"),
        ("O'Brien", "OBRIEN"),
        ("O´Brien", "O`Brien"),
        ("STRASSE", "Straße"),
        ("Łukasz Wałęsa", "lukasz walesa"),
        ("Bjørn Åse", "bjorn ase"),
        ("Ｍｕｌｌｅｒ", "Müller"),
        ("Zoe\u0308", "Zoë"),
        ("Smith,John", " john   smith "),
        ("İpek Yıldız", "ipek yildiz"),
        ("Σίσυφος", "ΣΙΣΥΦΟΣ"),
        ("soft\u00adhyphen", "softhyphen"),
        ("יִצְחָק", "יצחק"),
    ],
)
def test_names_that_a_person_takes_for_equal_have_the_same_parts(written: str, typed: str) -> None:
    assert name_parts(written) == name_parts(typed)


@pytest.mark.parametrize(
    ("one", "other"), [("かな", "がな"), ("कि", "की"), ("Jan", "Jana"), ("Ann Lee", "Annlee"), ("กา", "กำ")]
)
def test_names_that_differ_in_more_than_case_and_diacritics_stay_apart(one: str, other: str) -> None:
    assert name_parts(one) != name_parts(other)


@given(st.text())
def test_folding_a_folded_text_changes_nothing(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@given(st.text(), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_the_form_of_unicode_makes_no_difference(text: str, form: str) -> None:
    assert folded(unicodedata.normalize(form, text)) == folded(text)  # type: ignore[arg-type]


@given(NAMES)
def test_case_makes_no_difference(name: str) -> None:
    assert name_parts(name.upper()) == name_parts(name.lower()) == name_parts(name)


@given(st.lists(NAMES, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_parts_makes_no_difference(names: list[str], random: object) -> None:
    turned = list(names)
    random.shuffle(turned)  # type: ignore[attr-defined]
    assert name_parts(" ".join(turned)) == name_parts(", ".join(names))


@given(st.text())
def test_parts_are_sorted_and_have_no_separator(name: str) -> None:
    parts = name_parts(name)
    assert list(parts) == sorted(set(parts))
    assert all(unicodedata.category(one)[0] in "LMN" for part in parts for one in part)


def test_an_entry_is_hmac_sha_256_under_a_key_that_is_derived_for_the_index() -> None:
    # HKDF of RFC 5869 by hand: one block, no salt.
    extracted = hmac.digest(bytes(32), bytes(range(32)), hashlib.sha256)
    derived = hmac.digest(extracted, b"blind index members.name\x01", hashlib.sha256)
    expected = hmac.digest(derived, b"\x00\x00\x00\x03ana\x00\x00\x00\x05lopez", hashlib.sha256)
    assert BlindIndex(KEY, "members.name").entry("ana", "lopez") == expected


@given(st.lists(st.text(st.characters(codec="utf-8")), max_size=4), st.lists(st.text(st.characters(codec="utf-8"))))
def test_only_equal_values_have_the_same_entry(one: list[str], other: list[str]) -> None:
    index = BlindIndex(KEY, "members.name")
    assert (index.entry(*one) == index.entry(*other)) == (one == other)


def test_another_index_and_another_key_have_other_entries() -> None:
    entry = BlindIndex(KEY, "members.name").entry("ana")
    assert BlindIndex(KEY, "members.birth_date").entry("ana") != entry
    assert BlindIndex(SealingKey(7, bytes(32)), "members.name").entry("ana") != entry


@pytest.mark.parametrize("bits", [8, 16, 256])
def test_a_short_entry_is_the_beginning_of_the_long_one(bits: int) -> None:
    index = BlindIndex(KEY, "members.name")
    assert index.entry("ana", bits=bits) == index.entry("ana")[: bits // 8]


@pytest.mark.parametrize("bits", [0, 7, 12, 264])
def test_bits_that_are_no_whole_bytes_are_refused(bits: int) -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        BlindIndex(KEY, "members.name").entry("ana", bits=bits)


def test_the_key_is_in_no_representation() -> None:
    index = BlindIndex(KEY, "members.name")
    assert "_key" not in repr(index)
    assert KEY.derived("x").hex() not in repr(KEY)
