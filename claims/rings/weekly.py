"""Rings of a week, and which ring of the week before each of them is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from claims.rings.ties import MOST_PROVIDERS, SharedMembers

_LEAST_COMMON: Final = 2
"""Providers that a ring has in common with the one that it goes on from."""


@dataclass(frozen=True, slots=True)
class Ring:
    """A group of providers, under an id that stays while providers join and leave."""

    ring_id: str
    provider_ids: tuple[str, ...]
    """Sorted; at least two."""


def rings_of(ties: Sequence[SharedMembers], *, most: int = MOST_PROVIDERS) -> list[tuple[str, ...]]:
    """The groups that ties lead to, each sorted; every provider is in at most one.

    Ties are followed the strongest first, and one that would make a group of more than `most` providers is left out: a
    hospital that is tied to everything does not make one ring of a whole region.
    """
    group: dict[str, list[str]] = {}
    for tie in sorted(ties, key=lambda tie: (-tie.members, tie.one, tie.other)):
        one = group.setdefault(tie.one, [tie.one])
        other = group.setdefault(tie.other, [tie.other])
        if one is other or len(one) + len(other) > most:
            continue
        one += other
        for provider_id in other:
            group[provider_id] = one
    found = {tuple(sorted(members)) for members in group.values() if len(members) > 1}
    return sorted(found)


def carried_over(
    groups: Sequence[tuple[str, ...]], earlier: Sequence[Ring], new_id: Callable[[tuple[str, ...]], str]
) -> list[Ring]:
    """The groups as rings. A group that has two providers or more of an earlier ring keeps its id.

    Where several could, the one with the most providers in common does, so that of a ring that falls apart the largest
    part goes on, and of rings that become one the largest; `new_id` names the others.
    """
    place = {provider_id: at for at, members in enumerate(groups) for provider_id in members}
    common: dict[tuple[int, str], int] = {}
    for ring in earlier:
        for provider_id in ring.provider_ids:
            if provider_id in place:
                key = (place[provider_id], ring.ring_id)
                common[key] = common.get(key, 0) + 1
    ids: dict[int, str] = {}
    for at, ring_id in sorted(common, key=lambda key: (-common[key], key[1], key[0])):
        if common[at, ring_id] >= _LEAST_COMMON and at not in ids and ring_id not in ids.values():
            ids[at] = ring_id
    return [Ring(ids[at] if at in ids else new_id(members), members) for at, members in enumerate(groups)]
