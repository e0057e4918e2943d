"""The simulated insurer: honest claims and fraud put together, in order of receipt, as frames."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.clock import DAY_US, HOUR_US
from pipelines.simulate.actors import Scene, Templates
from pipelines.simulate.config import SimulationConfig, SimulationError
from pipelines.simulate.draw import Calendar, Floats, Ints, generator
from pipelines.simulate.forge import commit_fraud
from pipelines.simulate.frames import (
    Ledger,
    claims_frame,
    labels_frame,
    lines_frame,
    reference_frames,
)
from pipelines.simulate.visits import (
    HONEST,
    Rows,
    companions,
    concat,
    expected_by_day,
    honest,
)
from pipelines.simulate.world import NEVER, World, build_world, day_number

COMPANION_SHARE = 0.12
VOIDED_SHARE = 0.006
_SPARE, _LIVE_SPARE = 1.08, 2.5
"""Honest claims made beyond what is needed, so that the requested number is met exactly; more of the live days,
from which weekly senders and the companions of a claim move into the days before."""


@dataclass(frozen=True, slots=True)
class Insurer:
    """An insurer's data as frames. `claims` end before `end`; what `upcoming` holds arrives after it.

    `labels` and `upcoming_labels` are the truth table: every claim, also those whose `known_at` lies after `end`.
    """

    config: SimulationConfig
    claims: pa.Table
    claim_lines: pa.Table
    labels: pa.Table
    members: pa.Table
    plans: pa.Table
    providers: pa.Table
    procedures: pa.Table
    diagnoses: pa.Table
    upcoming: pa.Table
    upcoming_lines: pa.Table
    upcoming_labels: pa.Table


def _calendar(config: SimulationConfig) -> Calendar:
    start, days = day_number(config.start), config.days
    busy = expected_by_day(start, days + config.live_days)
    past, live = busy[:days], busy[days:]
    expected = [past * (config.claims / past.sum())]
    if len(live):
        expected.append(live * (config.live_count / live.sum()))
    return Calendar(start, np.concatenate(expected))


def _honest_claims(config: SimulationConfig, world: World, calendar: Calendar) -> Rows:
    rng = generator(config.seed, "visits")
    end, last = day_number(config.end), calendar.last_day + 1
    days = []
    past, live = config.claims * _SPARE * (1 - COMPANION_SHARE), config.live_count * _LIVE_SPARE
    for first, until, count in ((calendar.first_day, end, past), (end, last, live)):
        if count:
            drawn = int(count) + 100
            days.append(calendar.draw(np.full(drawn, first), np.full(drawn, until), rng.random(drawn)))
    rows = honest(world, calendar, np.concatenate(days), rng)
    extra = int((config.claims + config.live_count) * _SPARE * COMPANION_SHARE) + 40
    return concat([rows, companions(world, rows, extra, calendar, generator(config.seed, "companions"))])


def _times(rows: Rows, rng: np.random.Generator) -> Ints:
    """Microseconds of receipt: in working hours mostly."""
    hour = np.clip(rng.normal(13.2, 3.1, len(rows)), 0, 23.999)
    return rows.received_day * DAY_US + np.floor(hour * HOUR_US).astype(np.int64)


def _trim(side: Ints, droppable: NDArray[np.bool_], count: int, rng: np.random.Generator) -> Ints:
    """`count` of the positions in `side`, at the cost of droppable ones alone."""
    spare = len(side) - count
    if spare < 0 or spare > droppable[side].sum():
        raise SimulationError(f"{count} claims cannot be met with this seed; ask for more claims or other days")
    return np.setdiff1d(side, rng.permutation(side[droppable[side]])[:spare], assume_unique=True)


def _corrections(
    config: SimulationConfig, rows: Rows, received: Ints, rng: np.random.Generator
) -> tuple[Rows, Ints, Ints, Ints]:
    """Some honest claims are voided days later; two in three of them are sent again, corrected.

    Returns rows, received, voided_at (0: not), and the position each one replaces (-1: none).
    """
    end = day_number(config.end) * DAY_US
    plain = np.flatnonzero((rows.kind == HONEST) & (received < end))
    chosen = np.sort(rng.permutation(plain)[: int(config.claims * VOIDED_SHARE)])
    voided_at = np.zeros(len(rows), dtype=np.int64)
    moment = received[chosen] + np.floor(rng.exponential(5.0, len(chosen)) * DAY_US).astype(np.int64) + 60_000_000
    again = (rng.random(len(chosen)) < 0.67) & (moment < end)
    voided_at[chosen] = np.where(moment < end, moment, 0)
    fixed = rows.take(chosen[again])
    amount = np.round(fixed.amount_cents * rng.uniform(0.6, 1.05, len(fixed)))
    fixed = replace(fixed, received_day=moment[again] // DAY_US, amount_cents=np.maximum(amount, 300).astype(np.int64))
    return (
        concat([rows, fixed]),
        np.concatenate([received, moment[again]]),
        np.concatenate([voided_at, np.zeros(len(fixed), dtype=np.int64)]),
        np.concatenate([np.full(len(rows), -1), chosen[again]]),
    )


def _known_at(received: Ints, rng: np.random.Generator) -> Ints:
    """When the label became known: about a month later, for fraud and honest claims alike."""
    days: Floats = np.clip(rng.lognormal(np.log(30), 0.55, len(received)), 4, 180)
    return received + np.floor(days * DAY_US).astype(np.int64)


def simulate(config: SimulationConfig) -> Insurer:
    """Simulate an insurer. 1,000,000 claims take about ten seconds and 3 GB on one core."""
    world, calendar = build_world(config), _calendar(config)
    rows = _honest_claims(config, world, calendar)
    scene = Scene(
        config=config,
        world=world,
        calendar=calendar,
        honest=rows,
        templates=Templates(rows),
        rng=generator(config.seed, "fraud"),
        taken=np.zeros(len(world.providers.size), dtype=bool),
        excluded_from=np.full(len(world.providers.size), NEVER),
    )
    forged = commit_fraud(scene)
    kept = np.setdiff1d(np.arange(len(rows)), forged.instead_of, assume_unique=True)
    rows = concat([rows.take(kept), forged.rows])
    rng = generator(config.seed, "finish")
    received = _times(rows, rng)
    rows, received, voided_at, replaces = _corrections(config, rows, received, generator(config.seed, "corrections"))

    end = day_number(config.end) * DAY_US
    known_at = _known_at(received, rng)
    ledger = _ordered(rows, received, voided_at, replaces, known_at, config, end, rng)
    past = int(np.searchsorted(ledger.received, end))
    claims = claims_frame(world, ledger)
    labels = labels_frame(ledger)
    lines, starts = lines_frame(world, ledger, generator(config.seed, "lines"))
    return Insurer(
        config=config,
        claims=claims.slice(0, past),
        claim_lines=lines.slice(0, starts[past]),
        labels=labels.slice(0, past),
        upcoming=claims.slice(past),
        upcoming_lines=lines.slice(starts[past]),
        upcoming_labels=labels.slice(past),
        **reference_frames(world, scene.excluded_from),
    )


def _ordered(
    rows: Rows,
    received: Ints,
    voided_at: Ints,
    replaces: Ints,
    known_at: Ints,
    config: SimulationConfig,
    end: int,
    rng: np.random.Generator,
) -> Ledger:
    """The configured number of claims on each side of `end`, in order of receipt."""
    droppable = (rows.kind == HONEST) & (voided_at == 0) & (replaces < 0)  # a correction stays with what it corrects
    at = np.concatenate(
        [
            _trim(np.flatnonzero(received < end), droppable, config.claims, rng),
            _trim(np.flatnonzero(received >= end), droppable, config.live_count, rng),
        ]
    )
    at = at[np.argsort(received[at], kind="stable")]
    place = np.full(len(rows), -1)
    place[at] = np.arange(len(at))
    chain = replaces[at]
    return Ledger(
        rows=rows.take(at),
        received=received[at],
        voided_at=voided_at[at],
        replaces=np.where(chain >= 0, place[np.maximum(chain, 0)], -1),
        known_at=known_at[at],
    )
