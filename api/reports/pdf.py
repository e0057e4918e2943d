"""A report as PDF: A4 pages with a chart of bars and tables. The same document gives the same bytes.

Imported when a PDF is made: the library takes a fifth of a second.
"""

import io
from typing import Final

from reportlab.graphics.charts.barcharts import VerticalBarChart
from reportlab.graphics.charts.legends import Legend
from reportlab.graphics.shapes import Drawing
from reportlab.lib import colors
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, KeepTogether, Table

from api.pdf_parts import (
    CELL,
    GREY,
    HEADER,
    HEADER_RIGHT,
    HEADING,
    LINE,
    NOTE,
    NUMBER,
    SUBTITLE,
    TITLE,
    WIDTH,
    page_number,
    pages,
    plain,
    table,
    text,
)
from api.reports.documents import ReportChart, ReportDocument, ReportTable
from api.reports.writing import shown

_CHART_HEIGHT: Final = 156
"""In points, as all lengths without a unit."""
_MOST_LABELS: Final = 14
"""Labels below a chart; of more, every second one is written, or every third, and so on."""
_KEPT_ROWS: Final = 15
"""A table of at most so many rows is not split over pages."""
_COLORS: Final = tuple(map(colors.HexColor, ("#1f5f8b", "#8fb8d4", "#d9822b")))


def pdf_report(document: ReportDocument) -> bytes:
    """The report as PDF. A character that the standard fonts of PDF lack is written as `?`."""
    written = io.BytesIO()
    template = pages(written, document.title)
    story: list[Flowable] = [text(document.title, TITLE), text(document.subtitle, SUBTITLE)]
    story += [text(note, NOTE) for note in document.notes]
    story += [text(document.chart.title, HEADING), _chart(document.chart)]
    for part in document.tables:
        story += _section(part)
    template.build(story, onFirstPage=page_number, onLaterPages=page_number)
    return written.getvalue()


def _section(part: ReportTable) -> list[Flowable]:
    heading = text(part.title, HEADING)
    notes: list[Flowable] = [text(part.note, NOTE)] if part.note else []
    body: Flowable = _table(part) if part.rows else text("none", NOTE)
    if len(part.rows) <= _KEPT_ROWS:
        return [KeepTogether([heading, *notes, body])]
    return [heading, *notes, body]


def _table(part: ReportTable) -> Table:
    header = [text(name, HEADER if place == 0 else HEADER_RIGHT) for place, name in enumerate(part.columns)]
    rows = [[text(row.name, CELL), *(text(shown(value), NUMBER) for value in row.values)] for row in part.rows]
    others = len(part.columns) - 1
    first = max(WIDTH * 0.3, WIDTH - others * 36 * mm)
    return table([header, *rows], [first, *([(WIDTH - first) / others] * others)])


def _chart(chart: ReportChart) -> Drawing:
    drawing = Drawing(WIDTH, _CHART_HEIGHT)
    bars = VerticalBarChart()
    bars.x, bars.y = 26, 20
    bars.width, bars.height = WIDTH - 30, _CHART_HEIGHT - 46
    bars.data = [series.values for series in chart.series]
    step = -(-len(chart.labels) // _MOST_LABELS)
    bars.categoryAxis.categoryNames = [
        plain(label) if place % step == 0 else "" for place, label in enumerate(chart.labels)
    ]
    bars.categoryAxis.labels.fontSize = bars.valueAxis.labels.fontSize = 7.5
    bars.categoryAxis.strokeColor = bars.valueAxis.strokeColor = GREY
    bars.valueAxis.valueMin = 0
    highest = max((value for series in chart.series for value in series.values), default=0)
    bars.valueAxis.valueMax = max(4.0, highest * 1.05)
    bars.valueAxis.visibleGrid = True
    bars.valueAxis.gridStrokeColor = LINE
    bars.valueAxis.gridStrokeWidth = 0.25
    bars.valueAxis.labelTextFormat = lambda value: f"{value:,.0f}" if value == int(value) else ""
    bars.groupSpacing = 8
    for place in range(len(chart.series)):
        bars.bars[place].fillColor = _COLORS[place]
        bars.bars[place].strokeColor = None
    legend = Legend()
    legend.x, legend.y = 26, _CHART_HEIGHT - 14
    legend.boxAnchor, legend.alignment = "w", "right"
    legend.columnMaximum, legend.deltax = 1, 80
    legend.fontSize, legend.dx, legend.dy, legend.strokeWidth = 7.5, 7, 7, 0
    legend.strokeColor = None
    legend.colorNamePairs = [(_COLORS[place], plain(series.name)) for place, series in enumerate(chart.series)]
    drawing.add(bars)
    drawing.add(legend)
    return drawing
