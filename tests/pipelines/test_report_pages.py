"""The HTML reports: readable at any width, headings and tables marked as such, bands in order, a chart per column."""

import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.drift.alarms import Alarm
from pipelines.drift.limits import DriftMeasure
from pipelines.drift.measures import DayMeasures
from pipelines.drift.page import render as drift_page
from pipelines.drift.report import Drift
from pipelines.evaluate.abrasion import false_positives_by_group
from pipelines.evaluate.page import render as evaluation_page
from pipelines.gates.outcome import ColumnCheck, FailedCheck, GateResult, SampleRow
from pipelines.gates.report import write_report
from pipelines.report_page import day_chart
from tests.pipelines.test_evaluate import evaluated, evaluation_set

DAYS = ["2026-11-24", "2026-11-25", "2026-11-26"]


def day(name: str, alarms: tuple[Alarm, ...] = (), **stability: float) -> DayMeasures:
    return DayMeasures(
        day=name,
        claims=100,
        stability=stability,
        missing={},
        score_stability=0.1,
        mean_score=0.05,
        flagged=0.02,
        volume_ratio=1.0,
        labels=9,
        fraud_share=math.nan,
        label_delay=30.0,
        calibration_ratio=1.0,
        alarms=alarms,
    )


def drift() -> Drift:
    alarm = Alarm(DAYS[2], DriftMeasure.FEATURE, "amount", 0.9, 0.4)
    return Drift(
        "m1",
        "simulated",
        ("2026-09-01", "2026-10-31"),
        (
            day(DAYS[0], amount=0.1, units=0.5),
            day(DAYS[1], amount=math.nan),
            day(DAYS[2], (alarm,), amount=0.9, units=0.2),
        ),
        (),
        {"amount": 0.3},
    )


def gate_page(folder: Path) -> str:
    check = ColumnCheck(
        "positive amounts", "amount", "ExpectColumnValuesToBeBetween", {"min_value": 1}, "money is paid"
    )
    other = ColumnCheck("known sex", "sex", "ExpectColumnValuesToBeInSet", {"value_set": ["F", "M"]}, "a code")
    found = FailedCheck(
        other.name, other.column, other.expectation, other.severity, other.why, 2, "2 rows", (SampleRow("7", "A"),)
    )
    result = GateResult(
        gate="raw claims",
        rows=10,
        seconds=0.1,
        findings=(found,),
        skipped=(),
        passed=(check.name,),
        report=folder / "gate.html",
    )
    write_report(result, {one.name: one for one in (check, other)})
    return result.report.read_text("utf-8")


@pytest.fixture(params=["evaluation", "gate", "drift"])
def page(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "gate":
        return gate_page(tmp_path)
    return evaluation_page(evaluated()) if request.param == "evaluation" else drift_page(drift())


class _Outline(HTMLParser):
    """Headings, and for each table whether it scrolls, has a name, a head and scopes."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.tables = 0
        self.problems: list[str] = []
        self._open: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        inside = [name for name, _ in self._open]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
            if "main" not in inside:
                self.problems.append(f"{tag} outside of main")
        if tag == "table":
            self.tables += 1
            name, box = self._open[-1]
            if name != "div" or "table" not in (box.get("class") or "").split() or box.get("tabindex") != "0":
                self.problems.append("a table does not scroll in a box that the keyboard reaches")
            if not box.get("aria-label"):
                self.problems.append("a table's box has no name")
        if tag == "th" and ("thead" not in inside or values.get("scope") != "col"):
            self.problems.append("a header cell is not one of a column")
        if tag == "td" and "tbody" not in inside:
            self.problems.append("a cell outside of the body")
        if tag not in ("meta", "br", "img", "line", "polyline", "circle"):
            self._open.append((tag, values))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass  # parts of a picture

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass


def test_tables_scroll_in_boxes_and_headings_are_in_order(page: str) -> None:
    outline = _Outline()
    outline.feed(page)
    assert outline.problems == []
    assert outline.tables > 0
    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(outline.headings, outline.headings[1:], strict=False))
    assert '<html lang="en">' in page
    assert not re.search(r'(?:src|href)="(?!data:)', page), "a report loads nothing"


def test_bands_of_ages_and_sizes_are_in_the_order_of_their_numbers() -> None:
    bands = ["65 and more", "1 to 17", "0", "18 to 39", "5 to 9"]
    sizes = ["100 to 399", "25 to 99", "400 and more", "under 25 claims a year", "25 to 99"]
    claims = evaluation_set(noise=0.3)
    number = np.arange(len(claims)) % len(bands)
    claims = replace(
        claims,
        fraud=np.zeros(len(claims), dtype=bool),
        groups={"member age": np.array(bands, dtype=object)[number], "size": np.array(sizes, dtype=object)[number]},
    )
    rows = false_positives_by_group(claims, np.arange(len(claims)) % 3 == 0, replicates=20)
    assert [row.value for row in rows if row.group == "member age"] == [
        "0",
        "1 to 17",
        "5 to 9",
        "18 to 39",
        "65 and more",
    ]
    assert [row.value for row in rows if row.group == "size"] == [
        "under 25 claims a year",
        "25 to 99",
        "100 to 399",
        "400 and more",
    ]


def test_drift_has_a_chart_for_each_column_the_one_that_moved_most_first() -> None:
    html = drift_page(drift()).partition("Each feature and code")[2]
    titles = re.findall(r"<figcaption><strong>([^<]+)</strong>", html)
    assert titles == ["amount", "units"]
    of_amount = html.partition("<strong>amount</strong>")[2].partition("</figure>")[0]
    assert "alarm on 1 day" in of_amount
    assert of_amount.count('class="point"') == 2, "the day without a value interrupts the line"
    assert 'class="limit"' in of_amount


def test_measures_over_time_have_charts_and_undefined_values_none() -> None:
    html = drift_page(drift()).partition("Over time")[2].partition("Each feature")[0]
    assert html.count("<figure>") == 7
    assert "no values" in html.partition("Share of fraud among them")[2].partition("</figure>")[0]


@given(st.lists(st.none() | st.floats(0, 1e6), min_size=1, max_size=40), st.none() | st.floats(0.01, 10))
def test_every_value_of_a_chart_is_inside_of_its_picture(values: list[float | None], limit: float | None) -> None:
    days = [f"2026-{1 + number // 28:02}-{1 + number % 28:02}" for number in range(len(values))]
    picture = ET.fromstring(str(day_chart("a < b", days, values, limit=limit)))
    drawn = [
        tuple(map(float, point.split(",")))
        for line in picture.iter("polyline")
        for point in line.attrib["points"].split()
    ]
    drawn += [(float(one.attrib["cx"]), float(one.attrib["cy"])) for one in picture.iter("circle")]
    assert len(drawn) == sum(value is not None for value in values)
    assert all(0 <= x <= 320 and 0 <= y <= 88 for x, y in drawn)
