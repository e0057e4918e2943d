"""The letter of a records request: as text, and as PDF. The same request gives the same bytes."""

import io
from typing import Final

from api.cases import CaseTask

_INSURER: Final = "The insurer"


def request_letter(task: CaseTask, payer_name: str | None) -> str:
    """The letter of a records request, which has one, in lines."""
    head = [
        task.title,
        f"{payer_name or _INSURER} · {task.added_at.date()} · reference {task.task_id}, case {task.case_id}",
        f"Please send the records by {task.due_on}.",
    ]
    return "\n\n".join([*head, task.letter or ""]) + "\n"


def request_letter_pdf(task: CaseTask, payer_name: str | None) -> bytes:
    """The letter as PDF; the library is imported when the first one is made."""
    from reportlab.platypus import Flowable, SimpleDocTemplate, Spacer

    from api.pdf_parts import MARGIN, SUBTITLE, TITLE, page_number, text

    title, *below = request_letter(task, payer_name).rstrip("\n").split("\n\n", 1)
    lines = "".join(below).split("\n")
    story: list[Flowable] = [text(title, TITLE), *(text(one, SUBTITLE) if one else Spacer(1, 6) for one in lines)]
    written = io.BytesIO()
    SimpleDocTemplate(
        written,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=title,
        author="Ginja",
        invariant=1,  # no time and no random id
    ).build(story, onFirstPage=page_number, onLaterPages=page_number)
    return written.getvalue()
