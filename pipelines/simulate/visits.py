"""Honest claims: illness, visit, procedure, cost, and receipt of the claim."""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from features.declare import AGE_BAND_EDGES
from pipelines.simulate.catalogue import COMPANIONS, OPEN_AT_WEEKENDS, SPECIALTIES
from pipelines.simulate.draw import Calendar, ChoiceTable, Floats, Ints, hashed
from pipelines.simulate.world import PROCEDURE_INDEX, World, diagnosis_table

HONEST = -1


@dataclass(frozen=True, slots=True)
class Rows:
    """Claims as columns; members, providers, procedures and diagnoses by index, days as day numbers."""

    member: Ints
    provider: Ints
    procedure: Ints
    diagnosis: Ints
    received_day: Ints
    service_from: Ints
    service_to: Ints
    amount_cents: Ints
    units: Ints
    """Of all lines together; each line beyond the first has one."""
    lines: Ints
    kind: Ints
    """Index in `KINDS`; -1: honest."""

    def __len__(self) -> int:
        return len(self.member)

    def take(self, at: NDArray[np.integer] | NDArray[np.bool_]) -> "Rows":
        """The rows at these positions, or where this mask is true."""
        return Rows(*(getattr(self, column.name)[at] for column in fields(self)))


def concat(parts: list[Rows]) -> Rows:
    """All rows, one part after the other."""
    return Rows(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(Rows)))


def expected_by_day(first_day: int, days: int) -> Floats:
    """How busy each day is, mean 1: weekdays, the season, growth of 8 % a year."""
    day = np.arange(first_day, first_day + days)
    weekday = np.array([1.15, 1.2, 1.15, 1.1, 1.1, 0.4, 0.2])[(day + 3) % 7]  # 1970-01-01 was a Thursday
    season = 1 + 0.13 * np.cos(2 * np.pi * (day - 20) / 365.2425)
    busy = weekday * season * (1 + 0.08 * (day - first_day) / 365.2425)
    return np.asarray(busy / busy.mean(), dtype=np.float64)


def price(world: World, rows: Rows, rng: np.random.Generator, start_day: int) -> Ints:
    """What is billed, in cents: typical cost × region × provider × inflation × chance × units and lines.

    Half the claims follow the provider's price list to the cent, so the same amount twice is nothing unusual.
    """
    catalogue, providers = world.catalogue, world.providers
    years = (rows.service_to - start_day) / 365.2425
    level = world.price_level[providers.region[rows.provider]] * providers.price[rows.provider] * 1.04**years
    habit = np.exp(0.09 * (2 * hashed(rows.provider, rows.procedure) - 1))
    noise = rng.normal(0, 1, len(rows)) * catalogue.spread[rows.procedure]
    noise = np.where(rng.random(len(rows)) < 0.04, noise * 2.2 + 0.15, noise)
    listed = rng.random(len(rows)) < 0.5
    each = catalogue.cost_cents[rows.procedure] * level * habit
    each = np.where(listed, catalogue.cost_cents[rows.procedure] * habit * providers.price[rows.provider], each)
    each = np.where(listed, np.round(each / 50) * 50, each * np.exp(noise))
    principal_units = np.maximum(rows.units - rows.lines + 1, 1)
    total = each * principal_units ** np.where(catalogue.units[rows.procedure] > 1, 0.92, 1.0)
    total *= 1 + 0.13 * (rows.lines - 1)
    return np.asarray(np.maximum(np.round(total), 300), dtype=np.int64)


def units_and_lines(world: World, procedure: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Units of all lines, and how many lines."""
    most, stay = world.catalogue.units[procedure], world.catalogue.stay[procedure]
    principal = np.minimum(1 + rng.poisson(np.where(most > 1, 0.25 * most, 0)), most)
    lines = 1 + np.minimum(rng.poisson(np.where(stay > 0, 2.2, 0.28), len(procedure)), 11)
    return (principal + lines - 1).astype(np.int64), lines.astype(np.int64)


def service_days(
    world: World, received_day: Ints, provider: Ints, procedure: Ints, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """First and last day of service, given when the claim arrived: the provider's habit of billing, and closed days."""
    count = len(received_day)
    delay = world.providers.delay_days[provider] * rng.lognormal(0, 0.6, count)
    last = received_day - np.minimum(np.floor(delay), 75).astype(np.int64)
    weekday = (last + 3) % 7
    closed = np.array([name not in OPEN_AT_WEEKENDS for name in SPECIALTIES])[world.providers.specialty[provider]]
    moved = closed & (weekday >= 5) & (rng.random(count) < 0.85)
    last = np.where(moved, last - (weekday - 4), last)
    return last - rng.poisson(world.catalogue.stay[procedure]), last


def choose_provider(world: World, member: Ints, specialty: Ints, rng: np.random.Generator) -> Ints:
    """The usual provider of that specialty (72 %), another nearby (20 %), or one anywhere."""
    count = len(member)
    region = world.members.region[member]
    way = rng.random(count)
    uniform = np.where(way < 0.72, hashed(member, specialty), rng.random(count))
    near = world.providers.by_place.draw(region * len(SPECIALTIES) + specialty, uniform)
    return np.where(way < 0.92, near, world.providers.by_specialty.draw(specialty, rng.random(count)))


def _members_on(world: World, day: Ints, rng: np.random.Generator) -> Ints:
    """An insured member for each day, by how often they need care."""
    weight = np.cumsum(world.members.activity)

    def pick(count: int) -> Ints:
        found = np.searchsorted(weight, rng.random(count) * weight[-1])
        return np.asarray(np.minimum(found, len(weight) - 1), dtype=np.int64)

    member = pick(len(day))
    steady = np.flatnonzero((world.members.enrolled_from < day.min() - 100) & (world.members.enrolled_to > day.max()))
    for attempt in range(3):
        early = world.members.enrolled_from[member] > day - 100
        wrong = np.flatnonzero(early | (world.members.enrolled_to[member] <= day))
        member[wrong] = steady[rng.integers(0, len(steady), len(wrong))] if attempt == 2 else pick(len(wrong))
    return member


def honest(world: World, calendar: Calendar, days: Ints, rng: np.random.Generator) -> Rows:
    """One claim for each day of receipt in `days`, of every kind of illness."""
    count, catalogue = len(days), world.catalogue
    member = _members_on(world, days, rng)
    band = np.searchsorted(AGE_BAND_EDGES, world.members.age(member, days), side="right")
    quarter = ((days % 365.2425) // 91.5).astype(np.int64).clip(0, 3)
    row = (quarter * (len(AGE_BAND_EDGES) + 1) + band) * 2 + world.members.sex[member]
    diagnosis = diagnosis_table().draw(row, rng.random(count))
    chronic = world.members.chronic[member]
    diagnosis = np.where((chronic >= 0) & (rng.random(count) < 0.55), chronic, diagnosis)
    procedure = fitting_procedure(world, member, diagnosis, days, rng)
    specialty = ChoiceTable(catalogue.performs).draw(procedure, rng.random(count))
    provider = choose_provider(world, member, specialty, rng)

    batch = world.providers.batch_weekday[provider]
    back = np.where(batch >= 0, ((days + 3) % 7 - batch) % 7, 0)
    received = np.where((days - back >= calendar.first_day), days - back, days)
    service_from, service_to = service_days(world, received, provider, procedure, rng)
    closed = (world.providers.active_from[provider] > service_from) | (world.providers.active_to[provider] < service_to)
    place = world.providers.region[provider] * len(SPECIALTIES) + world.providers.specialty[provider]
    provider = np.where(closed, world.providers.anchor[place], provider)
    units, lines = units_and_lines(world, procedure, rng)
    rows = Rows(
        member, provider, procedure, diagnosis, received, service_from, service_to,
        np.zeros(count, dtype=np.int64), units, lines, np.full(count, HONEST),
    )  # fmt: skip
    return replace(rows, amount_cents=price(world, rows, rng, calendar.first_day))


def fits(world: World, member: Ints, procedure: Ints, day: Ints) -> NDArray[np.bool_]:
    """Whether the procedure is possible at the member's age and sex."""
    catalogue, age = world.catalogue, world.members.age(member, day)
    right_sex = (catalogue.sex[procedure] < 0) | (catalogue.sex[procedure] == world.members.sex[member])
    right_age = (age >= catalogue.age_low[procedure] + 1) & (age < catalogue.age_high[procedure])
    return np.asarray(right_sex & right_age, dtype=np.bool_)


def fitting_procedure(world: World, member: Ints, diagnosis: Ints, day: Ints, rng: np.random.Generator) -> Ints:
    """What is done for an illness, possible for the member; about 1 % is something uncommon for that illness."""
    table = ChoiceTable(world.catalogue.for_diagnosis)
    procedure = table.draw(diagnosis, rng.random(len(member)))
    odd = rng.random(len(member)) < 0.012
    procedure = np.where(odd, rng.integers(0, len(world.catalogue.stay), len(member)), procedure)
    anyone = np.array([PROCEDURE_INDEX[code] for code in ("P090", "P091", "P094")])
    for attempt in range(4):
        wrong = np.flatnonzero(~fits(world, member, procedure, day))
        if attempt < 3:
            procedure[wrong] = table.draw(diagnosis[wrong], rng.random(len(wrong)))
        else:
            procedure[wrong] = anyone[rng.integers(0, len(anyone), len(wrong))]
    return procedure


def companions(world: World, rows: Rows, count: int, calendar: Calendar, rng: np.random.Generator) -> Rows:
    """Claims that go with another one: the laboratory, the X-ray, the pharmacy of the same day."""
    base = rows.take(rng.integers(0, len(rows), count))
    codes = np.array([PROCEDURE_INDEX[code] for code, _ in COMPANIONS])
    weights = np.array([[weight for _, weight in COMPANIONS]], dtype=np.float64)
    procedure = codes[ChoiceTable(weights).draw(np.zeros(count, dtype=np.int64), rng.random(count))]
    specialty = ChoiceTable(world.catalogue.performs).draw(procedure, rng.random(count))
    provider = choose_provider(world, base.member, specialty, rng)
    service = base.service_to
    closed = (world.providers.active_from[provider] > service) | (world.providers.active_to[provider] < service)
    place = world.providers.region[provider] * len(SPECIALTIES) + world.providers.specialty[provider]
    provider = np.where(closed, world.providers.anchor[place], provider)
    received = service + np.floor(world.providers.delay_days[provider] * rng.lognormal(0, 0.6, count)).astype(np.int64)
    received = np.clip(received, calendar.first_day, np.maximum(base.received_day, calendar.first_day))
    units, lines = units_and_lines(world, procedure, rng)
    made = Rows(
        base.member, provider, procedure, base.diagnosis, np.maximum(received, service), service, service,
        np.zeros(count, dtype=np.int64), units, lines, np.full(count, HONEST),
    )  # fmt: skip
    return replace(made, amount_cents=price(world, made, rng, calendar.first_day))
