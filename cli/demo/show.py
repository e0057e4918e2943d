"""Tables of the demo: decisions with reasons, the model beside the rule, the figures of the run."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.demo.claims import DecidedClaim, StatedReason
from cli.demo.figures import DemoFigures
from cli.demo.platform import RankingFigures

_COLOURS = {"approved": "green", "partially_approved": "yellow", "in_review": "magenta", "rejected": "red"}
_SHOWN_REASONS = 3


def decisions(
    console: Console, claims: Iterable[DecidedClaim], *, rows: int = 8, title: str = "Decisions and reasons"
) -> None:
    """Print a few decisions of every kind, with their reasons."""
    table = Table(title=title, title_justify="left", show_lines=True, expand=True)
    table.add_column("claim", no_wrap=True)
    table.add_column("amount", justify="right", no_wrap=True)
    table.add_column("decision", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("reasons", ratio=1)
    for claim in _of_every_kind(claims, rows):
        status = Text(claim.status.replace("_", " "), style=_COLOURS.get(claim.status, ""))
        score = "–" if claim.score is None else f"{claim.score:.1%}"
        paid = claim.approved_amount
        decision = Text.assemble(status, f"\npays {paid:,.2f}\nby the {claim.decided_by}")
        table.add_row(
            f"{claim.claim_id[-8:]}\n{claim.member_id} at {claim.provider_id}\n{claim.procedure_code}",
            f"{claim.claim_amount:,.2f}",
            decision,
            score,
            Text("\n".join(_words(claim)) or "no reason against it"),
        )
    console.print(table)


def _of_every_kind(claims: Iterable[DecidedClaim], rows: int) -> list[DecidedClaim]:
    """One claim of each kind of decision in turn, those with the highest score first."""
    by_kind: dict[tuple[str, str], list[DecidedClaim]] = {}
    for claim in claims:
        by_kind.setdefault((claim.status, claim.decided_by), []).append(claim)
    for kind in by_kind.values():
        kind.sort(key=lambda claim: -(claim.score or 0.0))
    order = sorted(by_kind, key=lambda kind: list(_COLOURS).index(kind[0]) if kind[0] in _COLOURS else 9, reverse=True)
    picked: list[DecidedClaim] = []
    while len(picked) < rows and any(by_kind.values()):
        picked += [by_kind[kind].pop(0) for kind in order if by_kind[kind]]
    return picked[:rows]


def _words(claim: DecidedClaim) -> list[str]:
    """Findings, the evidence that moved the score most, then the strongest prior; a rejection needs no score."""
    findings = [f"• {reason.text}" for reason in claim.reasons if reason.raises is None]
    evidence = [_pushed(reason) for reason in claim.reasons if reason.raises is not None]
    priors = [f"prior: {_pushed(reason)}" for reason in claim.priors]
    return findings if claim.status == "rejected" else findings + evidence[:_SHOWN_REASONS] + priors[:1]


def _pushed(reason: StatedReason) -> str:
    return f"{'▲' if reason.raises else '▽'} {reason.text}"


def figures(console: Console, rankings: Sequence[RankingFigures], *, base_rate: float) -> None:
    """Print rankings side by side."""
    table = Table(title=f"On claims that no model was trained on (base rate {base_rate:.2%})", title_justify="left")
    table.add_column("ranked by")
    table.add_column("average precision", justify="right")
    table.add_column("precision in the top 1 %", justify="right")
    table.add_column("fraud dollars found there", justify="right")
    for one in rankings:
        shown = (one.average_precision, one.precision_at_1_percent, one.dollars_at_1_percent)
        table.add_row(one.name, *("–" if value is None else f"{value:.1%}" for value in shown))
    console.print(table)


def summary(console: Console, figures: DemoFigures) -> None:
    """Print the figures of the run in two columns."""
    table = Table.grid(padding=(0, 2))
    for name, value in asdict(figures).items():
        parts = value if isinstance(value, dict) else {"": value}
        table.add_row(name, ", ".join(f"{part} {number:,}".strip() for part, number in parts.items()))
    console.print(table)
