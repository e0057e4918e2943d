"""Charts: everything is inside its picture, equal inputs give equal bytes, and the table has the values drawn."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, FileSystemLoader, StrictUndefined

import api.console
from api.console.charts import (
    MOST_NODES,
    Bar,
    LineSeries,
    Percentiles,
    RingEdge,
    RingNode,
    TimelineEvent,
    Unit,
    bar_chart,
    bins_of,
    distribution_chart,
    line_chart,
    ring_graph,
    round_marks,
    timeline_chart,
)

HOSTILE = '"><script>alert(1)</script>'
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(api.console.__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
)

amounts = st.floats(0, 1e12, allow_nan=False)
days = st.dates(date(2020, 1, 1), date(2027, 1, 1))
series = st.lists(st.tuples(days, st.none() | amounts), max_size=30, unique_by=lambda point: point[0])
node_ids = st.integers(1, 120).map(lambda number: f"PRV-{number:03}")


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[RingNode], list[RingEdge]]:
    ids = draw(st.lists(node_ids, min_size=1, max_size=80, unique=True))
    kinds = draw(st.lists(st.sampled_from(["plain", "confirmed"]), min_size=len(ids), max_size=len(ids)))
    nodes = [RingNode(one, kind) for one, kind in zip(ids, kinds, strict=True)]  # type: ignore[arg-type]
    pairs = st.tuples(st.sampled_from(ids), st.sampled_from(ids)).filter(lambda pair: pair[0] < pair[1])
    found = draw(st.lists(pairs, max_size=120, unique=True)) if len(ids) > 1 else []
    return nodes, [RingEdge(left, right, draw(st.integers(1, 50))) for left, right in found]


def drawn(picture: object) -> str:
    return TEMPLATES.from_string('{% from "charts.html" import chart %}{{ chart(picture) }}').render(picture=picture)


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.integers(3, 12))
def test_marks_of_an_axis_enclose_both_ends_and_are_evenly_apart(one: float, other: float, most: int) -> None:
    low, high = min(one, other), max(one, other)
    marks = round_marks(low, high, most)
    slack = max(abs(low), abs(high)) * 1e-9
    assert 2 <= len(marks) <= most + 1
    assert marks[0] <= low + slack
    assert high - slack <= marks[-1]


@given(st.lists(st.tuples(amounts, st.none() | amounts), max_size=20))
def test_bars_stay_inside_their_picture_and_are_in_proportion(values: list[tuple[float, float | None]]) -> None:
    bars = [Bar(f"9{at:04}", value, compared) for at, (value, compared) in enumerate(values)]
    picture = bar_chart("Mix", bars, unit=Unit.CENTS, measure="billed", compared="mean of peers")
    for row in picture.bars:
        assert 0 <= row.width <= 100
        assert row.mark is None or 0 <= row.mark <= 100
        assert 0 <= row.y < picture.height
    ordered = sorted(picture.bars, key=lambda row: row.bar.value)
    assert [row.width for row in ordered] == sorted(row.width for row in ordered)


@given(series, series)
def test_lines_stay_inside_their_picture_and_a_missing_value_interrupts_them(
    own: list[tuple[date, float | None]], peers: list[tuple[date, float | None]]
) -> None:
    picture = line_chart("Billed", LineSeries("This", own), LineSeries("Peers", peers), unit=Unit.CENTS, measure="m")
    for line in picture.lines:
        assert all(0 <= point.x <= 100 and 0 <= point.y <= picture.height for point in line.points)
        corners = [pair.split(",") for path in line.paths for pair in path.split()]
        assert all(0 <= float(value) <= picture.inner for pair in corners for value in pair)
    assert len(picture.lines[0].points) == sum(value is not None for _, value in own)
    assert all(0 <= tick.x <= 100 for tick in picture.ticks)


def test_a_month_without_a_value_leaves_a_gap_and_says_so_in_the_table() -> None:
    months = [(date(2026, month, 1), value) for month, value in enumerate([3, 4, None, 5, 6], start=1)]
    picture = line_chart("Claims", LineSeries("This provider", months), measure="claims per month")
    assert len(picture.lines[0].paths) == 2
    assert [row[1].text for row in picture.table.rows] == ["3", "4", "–", "5", "6"]


@given(st.lists(amounts, min_size=1, max_size=60), amounts)
def test_every_value_is_in_one_bin_and_columns_and_marks_stay_inside(values: list[float], here: float) -> None:
    bins = bins_of(values)
    picture = distribution_chart("Billed", bins, Percentiles(1, 2, 3), here=here, unit=Unit.CENTS, measure="billed")
    assert sum(one.count for one in bins) == len(values)
    for column in picture.columns:
        assert 0 <= column.x <= column.x + column.width <= 100.001
        assert 0 <= column.y <= column.y + column.height <= picture.height
    assert all(0 <= mark.x <= 100 for mark in picture.marks)
    assert [mark.label.split()[0] for mark in picture.marks] == ["P50", "P95", "P99", "This"]
    assert len({mark.y for mark in picture.marks}) == 4, "labels of close marks would cover each other"


@given(st.lists(st.tuples(days, st.sampled_from(["claims", "voids"])), max_size=30))
def test_events_stay_inside_their_picture_in_order_of_time(found: list[tuple[date, str]]) -> None:
    picture = timeline_chart("Member", [TimelineEvent(day, lane, "x") for day, lane in found])
    assert all(0 < placed.x < 100 and 0 < placed.y < picture.height for placed in picture.events)
    assert [placed.event.at for placed in picture.events] == sorted(day for day, _ in found)


def test_instants_and_days_share_an_axis_and_an_instant_needs_its_zone() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    events = [TimelineEvent(noon, "decisions", "paid"), TimelineEvent(date(2026, 3, 1), "claims", "received")]
    picture = timeline_chart("Claim", [*events, TimelineEvent(noon + timedelta(hours=12), "claims", "voided")])
    assert [placed.event.text for placed in picture.events] == ["received", "paid", "voided"]
    assert picture.events[1].x == pytest.approx(50)
    with pytest.raises(ValueError, match="time zone"):
        timeline_chart("Claim", [TimelineEvent(datetime(2026, 3, 1), "claims", "received")])


@given(networks())
def test_a_network_stays_inside_its_picture_and_no_node_covers_another(
    network: tuple[list[RingNode], list[RingEdge]],
) -> None:
    nodes, edges = network
    picture = ring_graph("Ring", nodes, edges)
    assert len(picture.nodes) == min(len(nodes), MOST_NODES)
    assert picture.left_out == len(nodes) - len(picture.nodes)
    for placed in picture.nodes:
        assert 0 < placed.x < 100
        assert picture.radius <= placed.y <= picture.height - picture.radius
    places = [(placed.x, placed.y) for placed in picture.nodes]
    assert len(set(places)) == len(places)


@given(networks(), st.randoms(use_true_random=False))
def test_the_order_in_which_a_network_is_given_does_not_change_its_bytes(network, random) -> None:  # type: ignore[no-untyped-def]
    nodes, edges = network
    first = drawn(ring_graph("Ring", nodes, edges))
    random.shuffle(nodes)
    random.shuffle(edges)
    turned = [RingEdge(edge.left, edge.right, edge.weight) for edge in edges]
    assert drawn(ring_graph("Ring", nodes, turned)) == first


def test_the_path_to_a_confirmed_provider_is_marked_along_the_fewest_steps() -> None:
    nodes = [RingNode("a", "focus"), RingNode("b"), RingNode("c", "confirmed"), RingNode("d")]
    edges = [RingEdge("a", "b", 4), RingEdge("b", "c", 9), RingEdge("a", "d", 5), RingEdge("b", "d", 3)]
    picture = ring_graph("Ring", nodes, edges)
    assert {edge.text for edge in picture.edges if edge.style == "path"} == {
        "a and b: 4 shared members",
        "b and c: 9 shared members",
    }
    steps = {row[1].text: row[3].text for row in picture.table.rows}
    assert steps == {"a": "0", "b": "1", "d": "1", "c": "2"}


def test_a_network_has_each_node_once_and_edges_of_its_nodes_only() -> None:
    with pytest.raises(ValueError, match="once"):
        ring_graph("Ring", [RingNode("a"), RingNode("a")], [])
    with pytest.raises(ValueError, match="two of its nodes"):
        ring_graph("Ring", [RingNode("a")], [RingEdge("a", "b", 1)])


def every_picture() -> list[object]:
    months = [(date(2026, month, 1), 100.0 * month) for month in range(1, 7)]
    return [
        bar_chart(HOSTILE, [Bar(HOSTILE, 3, 2, "/console/claims/1")], measure="lines", compared=HOSTILE),
        line_chart(HOSTILE, LineSeries(HOSTILE, months), LineSeries(HOSTILE, months), measure=HOSTILE),
        distribution_chart(HOSTILE, bins_of([1, 2, 3]), Percentiles(1, 2, 3), here=2, measure=HOSTILE),
        timeline_chart(HOSTILE, [TimelineEvent(date(2026, 1, 1), HOSTILE, HOSTILE)]),
        ring_graph(HOSTILE, [RingNode(HOSTILE, note=HOSTILE), RingNode("b")], [RingEdge(HOSTILE, "b", 2)]),
    ]


@pytest.mark.parametrize("picture", every_picture(), ids=lambda picture: picture.kind)
def test_a_chart_is_one_image_with_a_text_and_a_table_and_neither_style_nor_script(picture: object) -> None:
    html = drawn(picture)
    assert 'role="img" aria-label="' in html
    assert "<figcaption>" in html
    assert "<table>" in html
    assert "<script" not in html
    assert " style=" not in html
    image = html.partition("<svg")[2].partition("</figure>")[0].partition("<details")[0]
    assert "<a " not in image, "links inside an image cannot be reached by screen readers"
    assert html == drawn(picture)


def test_a_chart_without_values_says_so_and_links_lead_nowhere_else() -> None:
    empty = [
        bar_chart("Mix", [], measure="lines"),
        line_chart("Claims", LineSeries("This", []), measure="claims"),
        distribution_chart("Billed", [], measure="billed"),
        timeline_chart("Member", []),
        ring_graph("Ring", [], []),
    ]
    for picture in empty:
        assert "No values." in drawn(picture)
        assert "<svg" not in drawn(picture)
    with pytest.raises(ValueError, match="/console/"):
        bar_chart("Mix", [Bar("a", 1, href="javascript:alert(1)")], measure="lines")


def test_every_class_that_charts_use_has_its_rule() -> None:
    static = Path(api.console.__file__).parent / "static"
    rules = (static / "charts.css").read_text()
    used = {
        name
        for one in re.findall(
            r'<(?:line|circle|rect|text|polyline) class="([\w ]+)"', "".join(map(drawn, every_picture()))
        )
        for name in one.split()
    }
    assert {name for name in used if f".{name}" not in rules} == set()
    assert not re.search(r"#[0-9a-f]{3,6}|rgb\(", rules), "colours are in tokens.css"
