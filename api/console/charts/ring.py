"""A network of providers laid out as a radial tree: the focus in the centre, every other node as far out as its path.

The layout is computed from breadth-first paths rather than from forces, so that it is the same for the same network,
takes time in proportion to its edges, and shows how far each node is from the focus. See ADR 0291.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from api.console.charts.table import ChartCell, ChartTable, checked_link

MOST_NODES = 60
"""Nodes of a picture at most: more cannot be read. The nearest to the focus are kept."""
HEIGHT, LOW_HEIGHT = 440, 240
"""Height of a picture in CSS pixels; the lower one with at most `FEW_NODES`."""
FEW_NODES = 12
NODE = 11
"""Radius of a node in CSS pixels."""
_MARGIN_X, _MARGIN_Y = 6.0, 20.0
_CROWDED = 18
"""Nodes of one distance from which every second one stands further in."""

NodeKind = Literal["focus", "confirmed", "plain"]


@dataclass(frozen=True, slots=True)
class RingNode:
    """A provider of the network and where it leads within the console."""

    node_id: str
    kind: NodeKind = "plain"
    href: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class RingEdge:
    """Two providers and the members that they share."""

    left: str
    right: str
    weight: int


@dataclass(frozen=True, slots=True)
class PlacedNode:
    """A node with its number: `x` in per cent, `y` in CSS pixels."""

    node: RingNode
    number: int
    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class PlacedEdge:
    """An edge between two places; `style` is `path` on the way from the focus to a confirmed provider."""

    x1: float
    y1: float
    x2: float
    y2: float
    style: str
    text: str


@dataclass(frozen=True, slots=True)
class RingGraph:
    """What the template draws; `height` in CSS pixels, `left_out` nodes that are not drawn."""

    title: str
    summary: str
    table: ChartTable
    nodes: Sequence[PlacedNode]
    edges: Sequence[PlacedEdge]
    left_out: int
    height: int
    radius: int = NODE
    kind: str = field(default="ring", init=False)

    @property
    def has_focus(self) -> bool:
        """Whether the picture is about the node in its centre."""
        return any(placed.node.kind == "focus" for placed in self.nodes)


def ring_graph(title: str, nodes: Sequence[RingNode], edges: Sequence[RingEdge]) -> RingGraph:
    """The network around its focus: the node of kind `focus`, otherwise the one that shares the most members.

    Raises `ValueError` where an edge names a node that is missing, or a node is given twice.
    """
    by_id = {node.node_id: node for node in nodes}
    if len(by_id) != len(nodes):
        raise ValueError("a node of a network may be given once")
    near = _neighbours(by_id, edges)
    if not nodes:
        return RingGraph(title, f"{title}: no providers.", ChartTable([], []), [], [], 0, LOW_HEIGHT)
    focus = _focus(nodes, near)
    tree = _tree(focus, near)
    others = sorted(by_id.keys() - tree.keys())
    kept = [*tree, *others][:MOST_NODES]
    depth = {node_id: tree[node_id][1] for node_id in kept if node_id in tree}
    outermost = max(depth.values()) + 1
    depth |= dict.fromkeys((node_id for node_id in kept if node_id not in tree), outermost)
    height = LOW_HEIGHT if len(kept) <= FEW_NODES else HEIGHT
    places = _places(focus, kept, depth, height, {node_id: parent for node_id, (parent, _) in tree.items()})
    on_path = _paths(tree, [node_id for node_id in kept if by_id[node_id].kind == "confirmed"])
    number = {node_id: at for at, node_id in enumerate(kept, start=1)}
    placed = [_placed(by_id[one], number[one], places[one], near[one]) for one in kept]
    drawn = sorted(
        (edge for edge in edges if edge.left in number and edge.right in number),
        key=lambda edge: (frozenset((edge.left, edge.right)) in on_path, edge.left, edge.right),
    )
    left_out = len(nodes) - len(kept)
    return RingGraph(
        title=title,
        summary=_summary(title, by_id, kept, drawn, left_out),
        table=_table(placed, near, {node_id: depth[node_id] for node_id in kept if node_id in tree}),
        nodes=placed,
        edges=[_placed_edge(edge, places, on_path) for edge in drawn],
        left_out=left_out,
        height=height,
    )


def _neighbours(by_id: Mapping[str, RingNode], edges: Sequence[RingEdge]) -> dict[str, dict[str, int]]:
    near: dict[str, dict[str, int]] = {node_id: {} for node_id in by_id}
    for edge in edges:
        if edge.left not in by_id or edge.right not in by_id or edge.left == edge.right:
            raise ValueError("an edge of a network must name two of its nodes")
        near[edge.left][edge.right] = edge.weight
        near[edge.right][edge.left] = edge.weight
    return near


def _focus(nodes: Sequence[RingNode], near: Mapping[str, Mapping[str, int]]) -> str:
    named = sorted(node.node_id for node in nodes if node.kind == "focus")
    if named:
        return named[0]
    return min(near, key=lambda node_id: (-sum(near[node_id].values()), node_id))


def _tree(focus: str, near: Mapping[str, Mapping[str, int]]) -> dict[str, tuple[str, int]]:
    """Parent and distance of each node that the focus reaches by the fewest edges; strong ties come first."""
    tree = {focus: ("", 0)}
    frontier = [focus]
    while frontier:
        following = []
        for one in frontier:
            for other in sorted(near[one], key=lambda other: (-near[one][other], other)):
                if other not in tree:
                    tree[other] = (one, tree[one][1] + 1)
                    following.append(other)
        frontier = following
    return tree


def _places(
    focus: str, kept: Sequence[str], depth: Mapping[str, int], height: int, parent: Mapping[str, str]
) -> dict[str, tuple[float, float]]:
    """Every node at the middle of its slice of the circle; slices are as wide as their branches have ends."""
    children: dict[str, list[str]] = {node_id: [] for node_id in kept}
    for node_id in kept:
        if node_id != focus:
            children[parent.get(node_id, focus)].append(node_id)
    ends: dict[str, int] = {}
    for node_id in reversed(kept):
        ends[node_id] = sum(ends[child] for child in children[node_id]) or 1
    deepest = max(*depth.values(), 1)
    crowded = {level for level in depth.values() if sum(one == level for one in depth.values()) > _CROWDED}
    places = {focus: (50.0, height / 2)}
    slices = {focus: (0.0, 1.0)}
    seen = dict.fromkeys(depth.values(), 0)
    for node_id in kept:
        start, stop = slices[node_id]
        step = (stop - start) / ends[node_id]
        for child in children[node_id]:
            middle = start + step * ends[child]
            slices[child] = (start, middle)
            level = depth[child]
            reach = level / deepest
            if level in crowded and seen[level] % 2:
                reach -= 0.28 / deepest
            seen[level] += 1
            places[child] = _on_circle((start + middle) / 2, reach, height)
            start = middle
    return places


def _on_circle(turn: float, reach: float, height: int) -> tuple[float, float]:
    angle = 2 * math.pi * turn - math.pi  # the middle slice points to the right: a chain is a horizontal line
    x = 50 + (50 - _MARGIN_X) * reach * math.cos(angle)
    y = height / 2 + (height / 2 - _MARGIN_Y) * reach * math.sin(angle)
    return round(x, 3), round(y, 3)


def _paths(tree: Mapping[str, tuple[str, int]], ends: Sequence[str]) -> set[frozenset[str]]:
    """The edges on the way from the focus to each of `ends`."""
    edges = set()
    for end in ends:
        while end in tree and tree[end][0]:
            edges.add(frozenset((end, tree[end][0])))
            end = tree[end][0]
    return edges


def _placed(node: RingNode, number: int, place: tuple[float, float], near: Mapping[str, int]) -> PlacedNode:
    checked_link(node.href)
    said = {"focus": ", this provider", "confirmed": ", confirmed", "plain": ""}[node.kind]
    text = f"{number}. {node.node_id}{said}: shares members with {len(near)} providers"
    return PlacedNode(node, number, *place, text)


def _placed_edge(edge: RingEdge, places: Mapping[str, tuple[float, float]], on_path: set[frozenset[str]]) -> PlacedEdge:
    style = "path" if frozenset((edge.left, edge.right)) in on_path else "plain"
    text = f"{edge.left} and {edge.right}: {edge.weight:,} shared members"
    return PlacedEdge(*places[edge.left], *places[edge.right], style, text)


def _summary(
    title: str, by_id: Mapping[str, RingNode], kept: Sequence[str], drawn: Sequence[RingEdge], left_out: int
) -> str:
    confirmed = sum(by_id[node_id].kind == "confirmed" for node_id in kept)
    text = f"{title}: {len(kept)} providers, {len(drawn)} pairs that share members, {confirmed} confirmed"
    return f"{text}; {left_out} more are not drawn." if left_out else f"{text}."


def _table(placed: Sequence[PlacedNode], near: Mapping[str, Mapping[str, int]], depth: Mapping[str, int]) -> ChartTable:
    rows = []
    for one in placed:
        shared = near[one.node.node_id]
        numbers = {other.node.node_id: other.number for other in placed}
        ties = ", ".join(
            f"{numbers[other]} ({shared[other]:,})"
            for other in sorted(shared, key=lambda other: (-shared[other], other))
            if other in numbers
        )
        kind = {"focus": "this provider", "confirmed": "confirmed", "plain": ""}[one.node.kind]
        steps = depth.get(one.node.node_id)
        rows.append(
            [
                ChartCell(str(one.number)),
                ChartCell(one.node.node_id, one.node.href),
                ChartCell("; ".join(text for text in (kind, one.node.note) if text)),
                ChartCell("–" if steps is None else str(steps)),
                ChartCell(ties),
            ]
        )
    heads = ["No.", "Provider", "State", "Steps from the centre", "Shares members with no. (members)"]
    return ChartTable(heads, rows, frozenset({0, 3}))
