"""The annex of the PDF: each score, its risk indicators, its mitigating factors and its largest contributions."""

import math
from typing import Final

from reportlab.platypus import Flowable

from api.evidence.pdf_tables import NumberedSections, fields, part, rows
from api.pdf_parts import NOTE, text
from claims.evidence import EvidencePack, ScoreAnnex
from core.format import number_to_4_digits, percent_to_1_decimal, utc_second

SHOWN: Final = 12
"""Contributions of a score that the PDF lists; the JSON file has all of them, and the vector."""


def annex(sections: NumberedSections, pack: EvidencePack) -> list[Flowable]:
    """What scores show and do not show, and each score."""
    limits: list[Flowable] = [text(f"• {one}", NOTE) for one in pack.limits] or [text("none stated", NOTE)]
    story = sections.section("Annex: limits of the score", limits)
    scores: list[Flowable] = [] if pack.annex else [text("no claim of the schedule was scored", NOTE)]
    for one in pack.annex:
        scores += _score(one)
    return story + sections.section("Annex: scores", scores)


def _score(one: ScoreAnnex) -> list[Flowable]:
    side = "at or above" if one.flagged else "below"
    stated = [
        ("Assessment", f"{one.assessment_id}, {utc_second(one.made_at)} UTC"),
        ("Model", one.model_version),
        (
            "Probability",
            f"{percent_to_1_decimal(one.probability)}, {side} the threshold",
        ),
        ("Threshold", percent_to_1_decimal(one.threshold)),
        ("Log-odds", f"{one.margin:.4f} = base {one.base_margin:.4f} and the contributions below"),
    ]
    if one.stale_views:
        stated.append(("Stale or missing", ", ".join(one.stale_views)))
    reasons = [("risk indicator", reason) for reason in one.risk_indicators]
    reasons += [("mitigating factor", reason) for reason in one.mitigating_factors]
    listed = [(kind, reason.text, f"{reason.push:+.3f}") for kind, reason in reasons]
    return [
        *part(f"Claim {one.claim_id}"),
        fields(stated),
        rows(("Kind", "Risk indicators and mitigating factors", "Log-odds"), listed, (16, 56, 10), numbers=1),
        rows(("Contribution of", "Value", "Log-odds"), _contributions(one), (52, 16, 14), numbers=2),
        text(" ", NOTE),
    ]


def _contributions(one: ScoreAnnex) -> list[tuple[str, str, str]]:
    ordered = sorted(one.contributions.items(), key=lambda item: (-abs(item[1]), item[0]))
    listed = [(name, number_to_4_digits(one.vector.get(name)), f"{push:+.4f}") for name, push in ordered[:SHOWN]]
    others = [push for _, push in ordered[SHOWN:]]
    if others:
        listed.append((f"{len(others)} others, in the JSON file", "", f"{math.fsum(others):+.4f}"))
    if one.left_out.features:
        listed.append(("left out of all reasons (age and sex)", "", f"{one.left_out.sum:+.4f}"))
    return listed
