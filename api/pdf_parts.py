"""Parts of the PDFs that are made here: A4 pages, texts, tables and footers in one look. The same parts give the same
bytes.

Imported when a PDF is made: the library takes a fifth of a second.
"""

from collections.abc import Sequence
from typing import IO, Final
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Paragraph, SimpleDocTemplate, Table, TableStyle

MARGIN: Final = 18 * mm
WIDTH: Final = int(A4[0] - 2 * MARGIN) - 12
"""Of text and tables: a frame of the library has 6 points at each side."""
GREY: Final = colors.HexColor("#5c6670")
LINE: Final = colors.HexColor("#c9d1d9")
TITLE: Final = ParagraphStyle("title", fontName="Helvetica-Bold", fontSize=16, leading=20)
SUBTITLE: Final = ParagraphStyle("subtitle", fontName="Helvetica", fontSize=9, leading=12, textColor=GREY)
HEADING: Final = ParagraphStyle("heading", fontName="Helvetica-Bold", fontSize=10.5, leading=14, spaceBefore=9)
NOTE: Final = ParagraphStyle("note", parent=SUBTITLE, fontSize=8, leading=10)
CELL: Final = ParagraphStyle("cell", fontName="Helvetica", fontSize=8, leading=10, splitLongWords=1)
HEADER: Final = ParagraphStyle("header", parent=CELL, textColor=GREY)
HEADER_RIGHT: Final = ParagraphStyle("header right", parent=HEADER, alignment=2)
NUMBER: Final = ParagraphStyle("number", parent=CELL, alignment=2)


def plain(text: str) -> str:
    """The characters that the fonts have (Windows-1252); any other as `?`."""
    return text.encode("cp1252", "replace").decode("cp1252")


def text(content: str, style: ParagraphStyle) -> Paragraph:
    """A paragraph, without markup."""
    return Paragraph(escape(plain(content)), style)


def page_number(canvas: Canvas, template: BaseDocTemplate) -> None:
    """The footer of a page."""
    canvas.setFont("Helvetica", 7.5)
    canvas.setFillColor(GREY)
    canvas.drawRightString(A4[0] - MARGIN, 10 * mm, f"page {template.page}")


_TALLEST_ROW: Final = A4[1] - 2 * MARGIN - 60
"""Points that a page leaves to a row below a repeated header."""
_SHORT: Final = 60
"""Characters that need fewer lines than a page has, in the narrowest of columns."""


def table(rows: Sequence[Sequence[Paragraph]], widths: Sequence[float], *, header: bool = True) -> Table:
    """A table with thin lines; the first row is the header, which is repeated on each page.

    A row that is higher than a page goes on on the next.
    """
    style = TableStyle(
        [
            ("LINEBELOW", (0, 0), (-1, 0), 0.6 if header else 0.25, GREY if header else LINE),
            ("LINEBELOW", (0, 1), (-1, -1), 0.25, LINE),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
            ("LEFTPADDING", (0, 0), (-1, -1), 2),
            ("RIGHTPADDING", (0, 0), (-1, -1), 2),
            ("VALIGN", (0, 0), (-1, -1), "BOTTOM" if header else "TOP"),
        ]
    )
    repeated, is_split = (1 if header else 0), any(_is_high(row, widths) for row in rows)
    return Table(list(map(list, rows)), list(widths), style=style, repeatRows=repeated, splitInRow=int(is_split))


def _is_high(row: Sequence[Paragraph], widths: Sequence[float]) -> bool:
    """Whether a row is higher than a page; short texts never are, and laying them out takes time."""
    cells = [pair for pair in zip(row, widths, strict=False) if len(pair[0].getPlainText()) > _SHORT]
    return any(cell.wrap(width - 4, A4[1])[1] > _TALLEST_ROW for cell, width in cells)


def pages(written: IO[bytes], title: str) -> SimpleDocTemplate:
    """The pages of a document, whose bytes depend on nothing but its content."""
    return SimpleDocTemplate(
        written,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=plain(title),
        author="Ginja",
        invariant=1,  # no time and no random id
    )
