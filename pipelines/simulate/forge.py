"""The ten kinds of fraud, each made from honest claims of the same provider or member."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from pipelines.simulate.actors import Actors, Scene
from pipelines.simulate.config import KINDS, SHARES
from pipelines.simulate.draw import ChoiceTable, Ints
from pipelines.simulate.rings import doctor_shopping, identity_misuse, kickback_ring
from pipelines.simulate.visits import (
    Rows,
    concat,
    fits,
    price,
    service_days,
    units_and_lines,
)

_NONE = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class ForgedClaims:
    """Fraudulent claims, and the positions of the honest claims they replace."""

    rows: Rows
    instead_of: Ints


def _marked(rows: Rows, kind: str) -> Rows:
    return replace(rows, kind=np.full(len(rows), KINDS.index(kind)))


def _in_place(scene: Scene, actors: Actors, count: int) -> Ints:
    """Distinct honest claims of the actors; about `count`, fewer when they have few."""
    _, at = scene.spread(actors, int(count * 1.2) + 2)
    return scene.rng.permutation(np.unique(at))[:count]


def upcoding(scene: Scene, count: int) -> ForgedClaims:
    """A more expensive code of the same group; where there is none, more units or a higher amount."""
    catalogue, rng = scene.world.catalogue, scene.rng
    ladder = np.any(catalogue.performs[catalogue.upcoded >= 0] > 0, axis=0, keepdims=True)[0]
    at = _in_place(scene, scene.providers("upcoding", count, ladder[scene.world.providers.specialty]), count)
    rows = scene.honest.take(at)
    more_expensive = catalogue.upcoded[rows.procedure]
    possible = (more_expensive >= 0) & fits(scene.world, rows.member, np.maximum(more_expensive, 0), rows.service_to)
    procedure = np.where(possible, more_expensive, rows.procedure)
    further = np.where(possible, catalogue.upcoded[procedure], -1)
    twice = (further >= 0) & (rng.random(len(rows)) < 0.35)
    twice &= fits(scene.world, rows.member, np.maximum(further, 0), rows.service_to)
    procedure = np.where(twice, further, procedure)
    more = np.where(possible, 0, np.minimum(rng.poisson(1.2, len(rows)), catalogue.units[procedure] - 1))
    rows = replace(rows, procedure=procedure, units=np.maximum(rows.lines, rows.units) + more)
    amount = price(scene.world, rows, rng, scene.calendar.first_day)
    factor = np.where(possible, rng.uniform(0.95, 1.25, len(rows)), rng.uniform(1.25, 2.1, len(rows)))
    return ForgedClaims(replace(rows, amount_cents=np.round(amount * factor).astype(np.int64)), at)


def unbundling(scene: Scene, count: int) -> ForgedClaims:
    """One service billed in parts: as many lines of one claim, or as several claims of the same day."""
    rng, catalogue = scene.rng, scene.world.catalogue
    actors = scene.providers("unbundling", count)
    at = _in_place(scene, actors, max(1, round(count / 1.9)))
    base = scene.honest.take(at)
    split = rng.random(len(base)) < 0.45
    extra = rng.integers(2, 7, len(base))
    whole = base.take(~split)
    whole = replace(
        whole,
        lines=whole.lines + extra[~split],
        units=whole.units + extra[~split],
        amount_cents=np.round(whole.amount_cents * (1.1 + 0.08 * extra[~split])).astype(np.int64),
    )
    parts = base.take(np.repeat(np.flatnonzero(split), rng.integers(2, 5, int(split.sum()))))
    by_specialty = ChoiceTable(catalogue.performs.T)
    procedure = by_specialty.draw(scene.world.providers.specialty[parts.provider], rng.random(len(parts)))
    possible = fits(scene.world, parts.member, procedure, parts.service_to)
    possible &= catalogue.cost_cents[procedure] < 2 * catalogue.cost_cents[parts.procedure]
    parts = replace(parts, procedure=np.where(possible, procedure, parts.procedure))
    share = rng.uniform(0.5, 0.95, len(parts))
    parts = replace(parts, amount_cents=np.maximum(np.round(parts.amount_cents * share), 300).astype(np.int64))
    return ForgedClaims(concat([whole, parts]), at)


def _fresh(scene: Scene, rows: Rows) -> Rows:
    """Rows with units, lines and amount drawn again."""
    units, lines = units_and_lines(scene.world, rows.procedure, scene.rng)
    rows = replace(rows, units=units, lines=lines)
    return replace(rows, amount_cents=price(scene.world, rows, scene.rng, scene.calendar.first_day))


def phantom_services(scene: Scene, count: int) -> ForgedClaims:
    """Services never given, to patients who seldom come; more expensive, billed later, more often for a Sunday."""
    rng, world = scene.rng, scene.world
    actors = scene.providers("phantom_services", count)
    which, at = scene.spread(actors, count)
    base = scene.honest.take(at)
    candidates = np.stack([scene.panel(actors.indices[which], base.received_day + 1) for _ in range(3)])
    idle = np.argmin(world.members.activity[scene.honest.member[candidates]], axis=0)
    known = candidates[idle, np.arange(len(base))]
    other = scene.panel(actors.indices[which], base.received_day + 1)
    member, own, shown = scene.honest.member[known], scene.honest.procedure[known], scene.honest.procedure[other]
    more_expensive = world.catalogue.cost_cents[shown] > world.catalogue.cost_cents[own]
    procedure = np.where(more_expensive & fits(world, member, shown, base.service_to), shown, own)
    diagnosis = np.where(procedure == own, scene.honest.diagnosis[known], scene.honest.diagnosis[other])
    first, last = service_days(world, base.received_day, base.provider, procedure, rng)
    later = rng.integers(0, 25, len(base)) * (rng.random(len(base)) < 0.6)
    first, last = first - later, last - later
    to_sunday = np.where(rng.random(len(base)) < 0.3, (last + 4) % 7, 0)
    rows = replace(
        base, member=member, procedure=procedure, diagnosis=diagnosis,
        service_from=first - to_sunday, service_to=last - to_sunday,
    )  # fmt: skip
    rows = _fresh(scene, rows)
    amount = np.round(rows.amount_cents * rng.uniform(1.0, 1.3, len(rows)) / 100) * 100
    return ForgedClaims(replace(rows, amount_cents=np.maximum(amount, 300).astype(np.int64)), _NONE)


def duplicates(scene: Scene, count: int) -> ForgedClaims:
    """A paid claim sent again days or weeks later, as it was or a little changed."""
    rng = scene.rng
    _, at = scene.spread(scene.providers("duplicates", count), int(count * 1.1) + 1)
    base = scene.honest.take(at)
    after = 2 + rng.geometric(np.where(rng.random(len(base)) < 0.6, 1 / 10, 1 / 35))
    moved = rng.integers(1, 9, len(base)) * (rng.random(len(base)) < 0.55)
    moved = np.minimum(moved, after + base.received_day - base.service_to)
    changed = np.where(rng.random(len(base)) < 0.4, rng.uniform(0.93, 1.09, len(base)), 1.0)
    rows = replace(
        base,
        received_day=base.received_day + after,
        service_from=base.service_from + moved,
        service_to=base.service_to + moved,
        amount_cents=np.maximum(np.round(base.amount_cents * changed), 300).astype(np.int64),
    )
    return ForgedClaims(rows.take(np.flatnonzero(rows.received_day <= scene.calendar.last_day)[:count]), _NONE)


def impossible_days(scene: Scene, count: int) -> ForgedClaims:
    """More services on one day than a day has hours."""
    rng = scene.rng
    actors = scene.providers("impossible_days", count)
    which, at = scene.spread(actors, max(1, round(count / 13)))
    size = rng.integers(6, 21, len(at))
    which, base = np.repeat(which, size), scene.honest.take(np.repeat(at, size))
    known = scene.panel(actors.indices[which], base.received_day + 1)
    content = scene.honest.take(known)
    received = np.minimum(base.received_day + rng.geometric(0.55, len(base)) - 1, scene.calendar.last_day)
    stay = content.service_to - content.service_from
    rows = replace(
        content, received_day=received, service_to=base.service_to, service_from=base.service_to - stay,
    )  # fmt: skip
    rows = _fresh(scene, rows)
    return ForgedClaims(rows.take(np.arange(min(count, len(rows)))), _NONE)


def implausible_procedure(scene: Scene, count: int) -> ForgedClaims:
    """A procedure that does not go with the illness, and for a part not with the age or sex either."""
    rng, world = scene.rng, scene.world
    at = _in_place(scene, scene.providers("implausible_procedure", count), round(count * 1.3))
    rows = scene.honest.take(at)
    own = ChoiceTable(world.catalogue.performs.T)
    specialty, procedure = world.providers.specialty[rows.provider], rows.procedure.copy()
    odd = rng.random(len(rows)) < 0.45
    todo = np.ones(len(rows), dtype=bool)
    for attempt in range(12):
        drawn = own.draw(specialty, rng.random(len(rows)))
        if attempt >= 4:  # few specialties do anything bound to age or sex
            drawn = np.where(odd, rng.integers(0, len(world.catalogue.stay), len(rows)), drawn)
        strange = world.catalogue.for_diagnosis[rows.diagnosis, drawn] == 0
        possible = fits(world, rows.member, drawn, rows.service_to)
        cost = world.catalogue.cost_cents[drawn] / world.catalogue.cost_cents[rows.procedure]
        good = todo & strange & (possible != odd) & (cost > 0.7) & (cost < 6)
        procedure, todo = np.where(good, drawn, procedure), todo & ~good
    done = np.flatnonzero(~todo)[:count]
    return ForgedClaims(_fresh(scene, replace(rows, procedure=procedure).take(done)), at[done])


def excluded_provider(scene: Scene, count: int) -> ForgedClaims:
    """An excluded provider continues to bill for its patients, less than before."""
    rng = scene.rng
    actors = scene.providers("excluded_provider", round(count * 0.6))
    first, until = scene.alive("excluded_provider")
    since = np.clip(actors.first, first + 10, max(until - 40, first + 11))
    scene.excluded_from[actors.indices] = since
    stop = np.minimum(since + rng.integers(240, 500, len(since)), until)
    gone = scene.excluded_from[scene.honest.provider] <= scene.honest.received_day
    which = rng.integers(0, len(since), count) if len(since) else _NONE
    day = scene.calendar.draw(since[which], stop[which], rng.random(len(which)))
    known = scene.panel(actors.indices[which], since[which])
    usable = known >= 0
    content, day = scene.honest.take(known[usable]), day[usable]
    begin, last = service_days(scene.world, day, content.provider, content.procedure, rng)
    last = np.maximum(last, np.minimum(since[which][usable] + 1, day))
    rows = replace(content, received_day=day, service_from=np.minimum(begin, last), service_to=last)
    return ForgedClaims(_fresh(scene, rows), np.flatnonzero(gone))


def _only_added(make: Callable[[Scene, int], Rows]) -> Callable[[Scene, int], ForgedClaims]:
    return lambda scene, count: ForgedClaims(make(scene, count), _NONE)


FORGERS: dict[str, Callable[[Scene, int], ForgedClaims]] = {
    "upcoding": upcoding,
    "unbundling": unbundling,
    "phantom_services": phantom_services,
    "duplicates": duplicates,
    "impossible_days": impossible_days,
    "implausible_procedure": implausible_procedure,
    "doctor_shopping": _only_added(doctor_shopping),
    "kickback_ring": _only_added(kickback_ring),
    "identity_misuse": _only_added(identity_misuse),
    "excluded_provider": excluded_provider,
}
"""Each kind of `KINDS`, and what makes its claims."""


def commit_fraud(scene: Scene) -> ForgedClaims:
    """The fraud of every kind in its period, at the configured rate."""
    made, instead = [], []
    for kind in sorted(
        KINDS, key=lambda kind: kind != "excluded_provider"
    ):  # the other kinds need to know who is excluded
        first, until = scene.alive(kind)
        if until <= first:
            continue
        volume = scene.calendar.volume(np.array([first]), np.array([until]))[0]
        count = round(scene.config.fraud_rate * SHARES[kind] * volume)
        if count == 0:
            continue
        forged = FORGERS[kind](scene, count)
        inside = (forged.rows.received_day >= first) & (forged.rows.received_day < until)
        made.append(_marked(forged.rows.take(inside), kind))
        instead.append(forged.instead_of)
    if not made:
        return ForgedClaims(scene.honest.take(_NONE), _NONE)
    return ForgedClaims(concat(made), np.unique(np.concatenate(instead)))
