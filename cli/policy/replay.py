"""`ginja policy test`: what a policy would have changed of past claims, and whether its gates pass."""

import getpass
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.command import command
from cli.database import with_database
from cli.exit_codes import ExitCode
from cli.options import BY, CAPACITY, DATASET, INPUT_FILE, PLOT
from cli.output import print_json, terminal
from cli.policy.choices import PolicyChoices
from cli.progress import task
from core.format import counted

if TYPE_CHECKING:
    from api.policies import PolicyVersion
    from pipelines.policies import AffectedGroup, PolicyReplay, PolicyVerdict


@command(
    examples=[
        "ginja policy test policy.yaml --claims 1000000",
        "ginja policy test 3 --capacity 200 --by ann",
        "ginja policy test policy.yaml --scores claims.scored.parquet --json",
        "ginja policy test policy.yaml --plot policy.svg",
    ]
)
@click.argument("policy")
@click.option("--base", help="What it is compared with: a file, a version or `settings`; default: what is in force.")
@DATASET
@click.option("--claims", default=1_000_000, show_default=True, type=click.IntRange(1), help="Newest claims to replay.")
@click.option("--scores", type=INPUT_FILE, help="Scores of `ginja model score`; default: the 2x rule decides.")
@CAPACITY
@PLOT
@BY
def test(
    policy: str,
    base: str | None,
    dataset: str,
    claims: int,
    scores: Path | None,
    capacity: float | None,
    plot: Path | None,
    by: str | None,
    as_json: bool,
) -> int:
    """Replay POLICY, a file or a version, over past claims: decisions, dollars, reviews per week, and who is affected.

    Each claim is decided on its own by both policies, with the prices of the year before the day after the newest
    claim, without benefit limits, duplicates and inherited reviews. Exit 4 if a gate refuses. The result for a version
    against what is in force is stored with data set, days and capacity; `ginja policy activate` needs one that passed,
    and shows them.
    """
    from core.settings import settings
    from pipelines.datasets import open_named
    from pipelines.policies import check_policy_gates, draw_replay, read_history, read_scores, replay_policies

    choices = PolicyChoices.read()
    tested = choices.choose(policy)
    compared = choices.base_of(tested.document) if base is None else choices.choose(base)
    with task("Replaying") as progress:
        progress.step("Reading the claims and their prices")
        source = open_named(dataset, settings().home)
        history = read_history(source, most=claims, scores=None if scores is None else read_scores(scores))
        progress.step(f"Deciding {counted(len(history.claims), 'claim')} twice")
        found = replay_policies(history, before=compared.document, after=tested.document)
    verdicts = check_policy_gates(found, capacity=capacity)
    passed = all(one.passed for one in verdicts)
    stored = None
    if tested.version is not None and base is None:
        stored = _store(tested.version, compared.version, found, verdicts, dataset, capacity, by or getpass.getuser())
    if as_json:
        gates = [asdict(one) for one in verdicts]
        print_json({"from": compared.name, "to": tested.name, **asdict(found), "gates": gates, "test": stored})
    else:
        _show(compared.name, tested.name, found, verdicts)
        if stored is not None:
            click.echo(f"Stored as test {stored}.")
    if plot is not None:  # last: whatever becomes of the file, the test is stored and shown
        draw_replay(found, (compared.name, tested.name), plot)
    return ExitCode.OK if passed else ExitCode.MODEL_REFUSED


def _store(
    version: "PolicyVersion",
    base: "PolicyVersion | None",
    found: "PolicyReplay",
    verdicts: "tuple[PolicyVerdict, ...]",
    dataset: str,
    capacity: float | None,
    by: str,
) -> int:
    from api.policies import PolicyTestResult, record_test

    result = PolicyTestResult(
        version=version.version,
        base_version=None if base is None else base.version,
        claims=found.claims,
        passed=all(one.passed for one in verdicts),
        gates=[asdict(one) for one in verdicts],
        tested_by=by,
        dataset=dataset,
        scored=found.scored,
        first_day=found.first_day,
        last_day=found.last_day,
        capacity=capacity,
    )
    return with_database(partial(record_test, result=result))


def _show(before: str, after: str, found: "PolicyReplay", verdicts: "tuple[PolicyVerdict, ...]") -> None:
    from rich.table import Table

    from pipelines.policies import most_affected

    console = terminal()
    console.print(
        f"{counted(found.claims, 'claim')}, {found.first_day} to {found.last_day}, {found.scored:,} with a score; "
        f"prices of the year before {found.prices_as_of}. "
        f"Voided or incomplete claims left out: {found.not_submittable:,}."
    )
    totals = Table("", before, after)
    old, new = found.before, found.after
    totals.add_row("approved", f"{old.approved:,}", f"{new.approved:,}")
    totals.add_row("approved, dollars", f"{old.approved_cents / 100:,.0f}", f"{new.approved_cents / 100:,.0f}")
    totals.add_row("in review", f"{old.in_review:,}", f"{new.in_review:,}")
    totals.add_row("reviews per week", f"{old.reviews_per_week:,.1f}", f"{new.reviews_per_week:,.1f}")
    totals.add_row("rejected", f"{old.rejected:,}", f"{new.rejected:,}")
    console.print(totals)
    console.print(
        f"{found.changed:,} decisions change ({found.changed_share:.2%}): {found.to_review:,} to review "
        f"({found.to_review_cents / 100:,.0f} dollars), {found.to_approval:,} to approval "
        f"({found.to_approval_cents / 100:,.0f} dollars)"
    )
    for one in found.findings:
        console.print(f"  {one.finding}: {one.before:,} -> {one.after:,}")
    for path in found.not_replayed:
        console.print(f"  not replayed: {path}")
    _show_groups([*most_affected(found), *found.providers])
    shown = Table("gate", "", "measured")
    for verdict in verdicts:
        shown.add_row(verdict.gate, "passed" if verdict.passed else "REFUSED", verdict.detail)
    console.print(shown)


def _show_groups(groups: "list[AffectedGroup]") -> None:
    from rich.table import Table

    if not groups:
        return
    shown = Table("group", "value", "claims", "changed", "in review before", "after")
    for one in groups:
        before, after = f"{one.reviewed_before:.2%}", f"{one.reviewed_after:.2%}"
        shown.add_row(one.group, one.value, f"{one.claims:,}", f"{one.changed:,}", before, after)
    terminal().print(shown)
