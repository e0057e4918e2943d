import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.declare import VIEW, VIEWS
from features.online import PACKERS, Watermark, encode_key, key_prefix
from tests.features.factories import decode_key

_PARTS = st.lists(st.text(), min_size=1, max_size=4)
_INT64 = st.integers(-(1 << 63), (1 << 63) - 1)


@given(_PARTS)
def test_a_key_of_any_text_can_be_read_back(parts: list[str]) -> None:
    assert decode_key(encode_key(parts)) == tuple(parts)


@given(_PARTS, _PARTS)
def test_different_keys_have_different_bytes(one: list[str], other: list[str]) -> None:
    assert (encode_key(one) == encode_key(other)) == (one == other)


def test_key_parts_that_look_like_lengths_make_different_keys() -> None:
    assert encode_key(["1:a", "b"]) != encode_key(["1:a1:b"])
    assert encode_key(["", "a"]) != encode_key(["a", ""])


def test_keys_of_different_views_and_generations_differ() -> None:
    heads = {key_prefix("ginja", generation, view.name) for view in VIEWS for generation in (1, 11, 111)}
    assert len(heads) == 3 * len(VIEWS)


@pytest.mark.parametrize("stored", [b"3:ab", b"x:ab", b"ab", b"1:ab", b":"])
def test_bytes_that_are_not_a_key_are_rejected(stored: bytes) -> None:
    with pytest.raises(ValueError, match="not an entity key"):
        decode_key(stored)


@given(st.data())
def test_a_row_round_trips_through_packing(data: st.DataObject) -> None:
    view = data.draw(st.sampled_from(VIEWS))
    row = data.draw(st.lists(_INT64, min_size=view.width, max_size=view.width))
    us = data.draw(_INT64)
    assert PACKERS[view.name].unpack(PACKERS[view.name].pack(us, row)) == (us, *row)


def test_packing_many_rows_equals_packing_them_one_by_one() -> None:
    view = VIEW["procedure_history"]
    rng = np.random.default_rng(1)
    columns = [rng.integers(-9, 9, (5, field.size) if field.is_array else 5) for field in view.fields]
    rows = np.concatenate([column.reshape(5, -1) for column in columns], axis=1).tolist()
    times = np.arange(5)
    packer = PACKERS[view.name]
    assert list(packer.pack_many(times, columns)) == [packer.pack(us, row) for us, row in enumerate(rows)]


@given(st.tuples(*[_INT64] * 7))
def test_a_watermark_round_trips_through_packing(values: tuple[int, ...]) -> None:
    assert Watermark.unpack(Watermark(*values).pack()) == Watermark(*values)


@pytest.mark.parametrize("stored", [None, b"", b"short", Watermark(1, 2, 3, layout=4).pack()])
def test_a_watermark_of_another_layout_is_not_read(stored: bytes | None) -> None:
    assert Watermark.unpack(stored) is None
