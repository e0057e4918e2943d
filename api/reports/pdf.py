"""A report as PDF: A4 pages with a chart of bars and tables. The same document gives the same bytes.

Imported when a PDF is made: the library takes a fifth of a second.
"""

import io
from typing import Final
from xml.sax.saxutils import escape

from reportlab.graphics.charts.barcharts import VerticalBarChart
from reportlab.graphics.charts.legends import Legend
from reportlab.graphics.shapes import Drawing
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    KeepTogether,
    Paragraph,
    SimpleDocTemplate,
    Table,
    TableStyle,
)

from api.reports.documents import ReportChart, ReportDocument, ReportTable
from api.reports.writing import shown

_MARGIN: Final = 18 * mm
_WIDTH: Final = int(A4[0] - 2 * _MARGIN) - 12
"""Of text and tables: a frame of the library has 6 points at each side."""
_CHART_HEIGHT: Final = 156
"""In points, as all lengths without a unit."""
_MOST_LABELS: Final = 14
"""Labels below a chart; of more, every second one is written, or every third, and so on."""
_KEPT_ROWS: Final = 15
"""A table of at most so many rows is not split over pages."""
_COLORS: Final = tuple(map(colors.HexColor, ("#1f5f8b", "#8fb8d4", "#d9822b")))
_GREY: Final = colors.HexColor("#5c6670")
_LINE: Final = colors.HexColor("#c9d1d9")
_TITLE: Final = ParagraphStyle("title", fontName="Helvetica-Bold", fontSize=16, leading=20)
_SUBTITLE: Final = ParagraphStyle("subtitle", fontName="Helvetica", fontSize=9, leading=12, textColor=_GREY)
_HEADING: Final = ParagraphStyle("heading", fontName="Helvetica-Bold", fontSize=10.5, leading=14, spaceBefore=9)
_NOTE: Final = ParagraphStyle("note", parent=_SUBTITLE, fontSize=8, leading=10)
_CELL: Final = ParagraphStyle("cell", fontName="Helvetica", fontSize=8, leading=10)
_HEADER: Final = ParagraphStyle("header", parent=_CELL, textColor=_GREY)
_HEADER_RIGHT: Final = ParagraphStyle("header right", parent=_HEADER, alignment=2)
_NUMBER: Final = ParagraphStyle("number", parent=_CELL, alignment=2)


def pdf_report(document: ReportDocument) -> bytes:
    """The report as PDF. A character that the standard fonts of PDF lack is written as `?`."""
    written = io.BytesIO()
    template = SimpleDocTemplate(
        written,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=_plain(document.title),
        author="Ginja",
        invariant=1,  # no time and no random id
    )
    story: list[Flowable] = [_text(document.title, _TITLE), _text(document.subtitle, _SUBTITLE)]
    story += [_text(note, _NOTE) for note in document.notes]
    story += [_text(document.chart.title, _HEADING), _chart(document.chart)]
    for table in document.tables:
        story += _section(table)
    template.build(story, onFirstPage=_footer, onLaterPages=_footer)
    return written.getvalue()


def _plain(text: str) -> str:
    """The characters that the fonts have (Windows-1252)."""
    return text.encode("cp1252", "replace").decode("cp1252")


def _text(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(escape(_plain(text)), style)


def _footer(canvas: Canvas, template: BaseDocTemplate) -> None:
    canvas.setFont("Helvetica", 7.5)
    canvas.setFillColor(_GREY)
    canvas.drawRightString(A4[0] - _MARGIN, 10 * mm, f"page {template.page}")


def _section(table: ReportTable) -> list[Flowable]:
    heading = _text(table.title, _HEADING)
    notes: list[Flowable] = [_text(table.note, _NOTE)] if table.note else []
    body: Flowable = _table(table) if table.rows else _text("none", _NOTE)
    if len(table.rows) <= _KEPT_ROWS:
        return [KeepTogether([heading, *notes, body])]
    return [heading, *notes, body]


def _table(table: ReportTable) -> Table:
    header = [_text(name, _HEADER if place == 0 else _HEADER_RIGHT) for place, name in enumerate(table.columns)]
    rows = [[_text(row.name, _CELL), *(_text(shown(value), _NUMBER) for value in row.values)] for row in table.rows]
    others = len(table.columns) - 1
    first = max(_WIDTH * 0.3, _WIDTH - others * 36 * mm)
    style = TableStyle(
        [
            ("LINEBELOW", (0, 0), (-1, 0), 0.6, _GREY),
            ("LINEBELOW", (0, 1), (-1, -1), 0.25, _LINE),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
            ("LEFTPADDING", (0, 0), (-1, -1), 2),
            ("RIGHTPADDING", (0, 0), (-1, -1), 2),
            ("VALIGN", (0, 0), (-1, -1), "BOTTOM"),
        ]
    )
    return Table([header, *rows], [first, *([(_WIDTH - first) / others] * others)], style=style, repeatRows=1)


def _chart(chart: ReportChart) -> Drawing:
    drawing = Drawing(_WIDTH, _CHART_HEIGHT)
    bars = VerticalBarChart()
    bars.x, bars.y = 26, 20
    bars.width, bars.height = _WIDTH - 30, _CHART_HEIGHT - 46
    bars.data = [series.values for series in chart.series]
    step = -(-len(chart.labels) // _MOST_LABELS)
    bars.categoryAxis.categoryNames = [
        _plain(label) if place % step == 0 else "" for place, label in enumerate(chart.labels)
    ]
    bars.categoryAxis.labels.fontSize = bars.valueAxis.labels.fontSize = 7.5
    bars.categoryAxis.strokeColor = bars.valueAxis.strokeColor = _GREY
    bars.valueAxis.valueMin = 0
    highest = max((value for series in chart.series for value in series.values), default=0)
    bars.valueAxis.valueMax = max(4.0, highest * 1.05)
    bars.valueAxis.visibleGrid = True
    bars.valueAxis.gridStrokeColor = _LINE
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
    legend.colorNamePairs = [(_COLORS[place], _plain(series.name)) for place, series in enumerate(chart.series)]
    drawing.add(bars)
    drawing.add(legend)
    return drawing
