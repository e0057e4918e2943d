"""Rings of providers: the picture, the paths to confirmed providers, and the pages that show them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from api.cases import CaseRecord
from api.console.charts import RingEdge, RingGraph, RingNode, ring_graph
from api.console.subjects.case_lines import CaseLine, case_lines
from api.console.subjects.ring_queries import RingWindow
from claims.rings import SharedMembers, ring_around


@dataclass(frozen=True, slots=True)
class ConfirmedPath:
    """The way from a provider to one that was confirmed."""

    provider_ids: Sequence[str]

    @property
    def text(self) -> str:
        """The providers on the way."""
        return " → ".join(self.provider_ids)


@dataclass(frozen=True, slots=True)
class ProviderRing:
    """The providers that ties lead to from one."""

    picture: RingGraph
    provider_ids: Sequence[str]
    """Sorted; the provider alone where nothing is tied to it."""
    paths: Sequence[ConfirmedPath]
    """To other providers that were confirmed, the shortest first."""
    is_confirmed: bool
    """Whether the provider itself was."""
    days: str

    @property
    def is_ring(self) -> bool:
        """Whether anything is tied to the provider."""
        return len(self.provider_ids) > 1


@dataclass(frozen=True, slots=True)
class RingView:
    """The page of a ring that is the subject of cases."""

    ring_id: str
    picture: RingGraph
    provider_ids: Sequence[str]
    confirmed: Sequence[str]
    days: str
    cases: Sequence[CaseLine]


def provider_ring(
    provider_id: str, ties: Sequence[SharedMembers], confirmed: Collection[str], window: RingWindow
) -> ProviderRing:
    """The ring around a provider; `confirmed`: the providers of it that were."""
    paths = ring_around(provider_id, ties)
    edges = [tie for tie in ties if tie.one in paths and tie.other in paths]
    ways = [ConfirmedPath(path) for end, path in paths.items() if end in confirmed and end != provider_id]
    return ProviderRing(
        picture=_picture("Providers tied by shared members", list(paths), edges, confirmed, focus=provider_id),
        provider_ids=sorted(paths),
        paths=sorted(ways, key=lambda way: (len(way.provider_ids), way.provider_ids)),
        is_confirmed=provider_id in confirmed,
        days=_days(window),
    )


def ring_view(
    ring_id: str,
    provider_ids: Sequence[str],
    pairs: Sequence[SharedMembers],
    confirmed: Collection[str],
    cases: Sequence[CaseRecord],
    window: RingWindow,
) -> RingView:
    """The page of a ring."""
    return RingView(
        ring_id=ring_id,
        picture=_picture("Members shared within the ring", provider_ids, pairs, confirmed),
        provider_ids=sorted(provider_ids),
        confirmed=sorted(confirmed),
        days=_days(window),
        cases=case_lines(cases),
    )


def _picture(
    title: str,
    provider_ids: Sequence[str],
    pairs: Sequence[SharedMembers],
    confirmed: Collection[str],
    *,
    focus: str | None = None,
) -> RingGraph:
    nodes = [
        RingNode(
            one,
            "focus" if one == focus else "confirmed" if one in confirmed else "plain",
            f"/console/providers/{quote(one, safe='')}",
            "confirmed" if one == focus and one in confirmed else "",
        )
        for one in provider_ids
    ]
    return ring_graph(title, nodes, [RingEdge(pair.one, pair.other, pair.members) for pair in pairs])


def _days(window: RingWindow) -> str:
    return f"{window.since:%Y-%m-%d} to {window.until - timedelta(days=1):%Y-%m-%d}"
