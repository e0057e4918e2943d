"""Which providers are tied by the members they share: the condition of the weekly network, of all or a neighbourhood.

Two providers *share* a member who has claims at both within `WITHIN_DAYS`. They are *tied* when they share at least
`MIN_SHARED` members, and `MIN_DEVIATIONS` standard deviations of a Poisson count more than expected by chance
(`features/offline/network.py`). See ADR 0292 for what is expected by chance in a neighbourhood.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

WINDOW_DAYS: Final = 365
WITHIN_DAYS: Final = 14
MIN_SHARED: Final = 3
MIN_DEVIATIONS: Final = 4.0
MOST_PROVIDERS: Final = 60


@dataclass(frozen=True, slots=True)
class SharedMembers:
    """Two providers and how many members they share."""

    one: str
    other: str
    members: int


def tied(
    focus: str, pairs: Sequence[SharedMembers], claims: Mapping[str, int], region_claims: float
) -> list[SharedMembers]:
    """The pairs that share more than by chance, the strongest first.

    `pairs` are those of members of `focus`, `claims` those in the window of each provider that shares enough with it (a
    provider whose claims are unknown is not tied to it), `region_claims` those of the other providers of its region.
    By chance, what the focus shares with all others falls on each provider of the region in proportion to its claims.
    Of two others, each shares with the rest as the weekly network says, within `pairs`.
    """
    shared: dict[str, int] = {}
    for pair in pairs:
        for provider_id in (pair.one, pair.other):
            shared[provider_id] = shared.get(provider_id, 0) + pair.members
    total = sum(shared.values())
    near = {pair.other if pair.one == focus else pair.one for pair in pairs if focus in (pair.one, pair.other)}
    volume = max(region_claims, sum(claims.get(one, 0) for one in near), 1)

    def by_chance(pair: SharedMembers) -> float:
        if focus in (pair.one, pair.other):
            other = pair.other if pair.one == focus else pair.one
            if other not in claims:
                return math.inf
            return (shared[focus] - pair.members) * claims[other] / volume
        return _of_others(pair, shared, total)

    return _strongest(pair for pair in pairs if _is_tied(pair, by_chance(pair)))


def network_ties(
    pairs: Sequence[SharedMembers], shared: Mapping[str, int], regions: Mapping[str, str | None]
) -> list[SharedMembers]:
    """The pairs of the whole network that share more than by chance, the strongest first.

    `shared`: members that each provider shares with others, summed over its pairs, also those of fewer members than
    `pairs` has; `regions`: of each provider, None: unknown. By chance, two providers of a region share what they share
    with others of it, as `features/offline/network.py` has it.
    """
    of_region: dict[str | None, int] = {}
    for provider_id, members in shared.items():
        region = regions.get(provider_id)
        of_region[region] = of_region.get(region, 0) + members
    everywhere = sum(shared.values())

    def by_chance(pair: SharedMembers) -> float:
        one, other = regions.get(pair.one), regions.get(pair.other)
        return _of_others(pair, shared, of_region[one] if one == other else everywhere)

    return _strongest(pair for pair in pairs if _is_tied(pair, by_chance(pair)))


def _of_others(pair: SharedMembers, shared: Mapping[str, int], total: int) -> float:
    rest = (shared[pair.one] - pair.members) * (shared[pair.other] - pair.members)
    return rest / max(total - 2 * pair.members, 1)


def _is_tied(pair: SharedMembers, expected: float) -> bool:
    return pair.members >= max(MIN_SHARED, expected + MIN_DEVIATIONS * math.sqrt(expected))


def _strongest(pairs: Iterable[SharedMembers]) -> list[SharedMembers]:
    return sorted(pairs, key=lambda pair: (-pair.members, pair.one, pair.other))


def ring_around(provider_id: str, ties: Sequence[SharedMembers]) -> dict[str, list[str]]:
    """The providers that ties lead to, the nearest first, each with its path: fewest ties, then the strongest.

    At most `MOST_PROVIDERS`, the provider itself among them.
    """
    near: dict[str, dict[str, int]] = {}
    for tie in ties:
        near.setdefault(tie.one, {})[tie.other] = tie.members
        near.setdefault(tie.other, {})[tie.one] = tie.members
    paths = {provider_id: [provider_id]}
    frontier = [provider_id]
    while frontier and len(paths) < MOST_PROVIDERS:
        following = []
        for one in frontier:
            members = near.get(one, {})
            for other in sorted(members, key=lambda other: (-members[other], other)):
                if other not in paths and len(paths) < MOST_PROVIDERS:
                    paths[other] = [*paths[one], other]
                    following.append(other)
        frontier = following
    return paths
