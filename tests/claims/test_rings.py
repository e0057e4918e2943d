"""Rings: groups that ties lead to, under ids that stay while providers join and leave."""

from hypothesis import given
from hypothesis import strategies as st

from claims.rings import MIN_SHARED, Ring, SharedMembers, carried_over, network_ties, rings_of

NAMES = "ABCDEFGHIJ"
PAIRS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.integers(1, 60))
    .filter(lambda one: one[0] < one[1])
    .map(lambda one: SharedMembers(*one)),
    max_size=20,
    unique_by=lambda one: (one.one, one.other),
)


def named(provider_ids: tuple[str, ...]) -> str:
    return "new " + "".join(provider_ids)


def shared_of(pairs: list[SharedMembers]) -> dict[str, int]:
    found: dict[str, int] = {}
    for pair in pairs:
        for one in (pair.one, pair.other):
            found[one] = found.get(one, 0) + pair.members
    return found


@given(PAIRS, st.integers(2, 6))
def test_each_provider_is_in_at_most_one_ring_whose_ties_lead_to_all_of_it(
    ties: list[SharedMembers], most: int
) -> None:
    rings = rings_of(ties, most=most)
    everyone = [one for ring in rings for one in ring]
    assert len(everyone) == len(set(everyone))
    for ring in rings:
        assert 2 <= len(ring) <= most
        reached = {ring[0]}
        for _ in ring:
            reached |= {end for tie in ties for end in (tie.one, tie.other) if {tie.one, tie.other} & reached}
            reached &= set(ring)
        assert reached == set(ring)


@given(PAIRS)
def test_rings_do_not_depend_on_the_order_of_ties_and_without_a_limit_miss_none(ties: list[SharedMembers]) -> None:
    rings = rings_of(ties)
    assert rings == rings_of(ties[::-1])
    of = {one: ring for ring in rings for one in ring}
    assert all(of[tie.one] is of[tie.other] for tie in ties)


@given(PAIRS, PAIRS)
def test_ids_are_given_once_and_a_ring_keeps_its_id_only_with_two_of_its_providers(
    before: list[SharedMembers], after: list[SharedMembers]
) -> None:
    earlier = carried_over(rings_of(before), [], named)
    later = carried_over(rings_of(after), earlier, lambda ids: "later " + "".join(ids))
    assert [one.provider_ids for one in later] == rings_of(after)
    assert len({one.ring_id for one in later}) == len(later)
    known = {one.ring_id: set(one.provider_ids) for one in earlier}
    for ring in later:
        if ring.ring_id in known:
            assert len(known[ring.ring_id] & set(ring.provider_ids)) >= 2
    assert carried_over(rings_of(before), earlier, named) == earlier


def test_a_ring_that_gains_a_provider_keeps_its_id_and_of_one_that_falls_apart_the_largest_part_does() -> None:
    ring = Ring("r", ("A", "B", "C", "D", "E"))
    assert carried_over([("A", "B", "C", "D", "E", "F")], [ring], named) == [Ring("r", tuple("ABCDEF"))]
    parts = carried_over([("A", "B"), ("C", "D", "E")], [ring], named)
    assert parts == [Ring("new AB", ("A", "B")), Ring("r", ("C", "D", "E"))]
    assert carried_over([("A", "X")], [ring], named) == [Ring("new AX", ("A", "X"))]


@given(PAIRS, st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["Coast", "Hills", None])))
def test_a_tie_of_the_network_has_three_members_and_more_than_chance(
    pairs: list[SharedMembers], regions: dict[str, str | None]
) -> None:
    shared = shared_of(pairs)
    ties = network_ties(pairs, shared, regions)
    for pair in pairs:
        one, other = regions.get(pair.one), regions.get(pair.other)
        total = sum(members for name, members in shared.items() if one != other or regions.get(name) == one)
        rest = (shared[pair.one] - pair.members) * (shared[pair.other] - pair.members)
        expected = rest / max(total - 2 * pair.members, 1)
        is_tied = pair.members >= MIN_SHARED and pair.members >= expected + 4 * expected**0.5
        assert (pair in ties) == is_tied
