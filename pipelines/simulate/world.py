"""Who lives in the simulated insurer: members, providers, and the catalogue as arrays."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from features.declare import AGE_BAND_EDGES
from pipelines.simulate.catalogue import (
    DIAGNOSES,
    PLANS,
    PROCEDURES,
    REGIONS,
    SPECIALTIES,
    SPECIALTY_VOLUME,
)
from pipelines.simulate.config import SimulationConfig
from pipelines.simulate.draw import ChoiceTable, Floats, Groups, Ints, generator

EPOCH = date(1970, 1, 1).toordinal()
FIRST_PROVIDER = 400
EXAMPLE_MEMBER = 123 - 1
EXAMPLE_PROVIDER = 456 - FIRST_PROVIDER
"""M123 and H456 exist in every simulated insurer, insured and active all the time, so that the shortest claim works."""

MIN_MEMBERS = 200
MIN_PROVIDERS = 150
NEVER = 1 << 20
"""A day number after every other: not ended, not excluded."""

PROCEDURE_INDEX = {procedure.code: index for index, procedure in enumerate(PROCEDURES)}
_UNSPECIFIED_SEX = -1


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - EPOCH


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Procedures and diagnoses as arrays, by their index in `PROCEDURES` and `DIAGNOSES`."""

    cost_cents: Floats
    spread: Floats
    units: Ints
    stay: Ints
    upcoded: Ints
    sex: Ints
    age_low: Ints
    age_high: Ints
    performs: Floats
    """(procedures, specialties): 1 where the specialty does it."""
    for_diagnosis: Floats
    """(diagnoses, procedures): how often it is done for it."""
    chronic: Ints
    """Indexes of the chronic diagnoses."""


@dataclass(frozen=True, slots=True)
class Members:
    """Members by index; days are day numbers."""

    birth: Ints
    sex: Ints
    region: Ints
    plan: Ints
    chronic: Ints
    """Index of the chronic diagnosis; -1: none."""
    activity: Floats
    enrolled_from: Ints
    enrolled_to: Ints

    def age(self, member: Ints, day: Ints) -> Ints:
        """Years of age on a day (a year of 365.2425 days)."""
        return np.floor((day - self.birth[member]) / 365.2425).astype(np.int64).clip(0)


@dataclass(frozen=True, slots=True)
class Providers:
    """Providers by index; days are day numbers."""

    specialty: Ints
    region: Ints
    size: Floats
    price: Floats
    delay_days: Floats
    batch_weekday: Ints
    """The weekday on which a provider sends the week's claims; -1: as they come."""
    active_from: Ints
    active_to: Ints
    anchor: Ints
    """(regions × specialties): a provider that is always active."""
    by_place: Groups
    by_specialty: Groups


@dataclass(frozen=True, slots=True)
class World:
    """Everything that is there before the first claim."""

    catalogue: Catalogue
    members: Members
    providers: Providers
    price_level: Floats


def build_catalogue() -> Catalogue:
    """The catalogue as arrays."""
    sexes = {"F": 0, "M": 1, None: _UNSPECIFIED_SEX}
    performs = np.zeros((len(PROCEDURES), len(SPECIALTIES)))
    for row, procedure in enumerate(PROCEDURES):
        for place, name in enumerate(procedure.specialties):
            performs[row, SPECIALTIES.index(name)] = 1.0 if place == 0 else 0.35
    for_diagnosis = np.zeros((len(DIAGNOSES), len(PROCEDURES)))
    for row, diagnosis in enumerate(DIAGNOSES):
        for code, weight in diagnosis.procedures:
            for_diagnosis[row, PROCEDURE_INDEX[code]] = weight
    return Catalogue(
        cost_cents=np.array([p.cost * 100 for p in PROCEDURES]),
        spread=np.array([p.spread for p in PROCEDURES]),
        units=np.array([p.units for p in PROCEDURES]),
        stay=np.array([p.stay for p in PROCEDURES]),
        upcoded=np.array([PROCEDURE_INDEX[p.upcoded] if p.upcoded else -1 for p in PROCEDURES]),
        sex=np.array([sexes[p.sex] for p in PROCEDURES]),
        age_low=np.array([p.ages[0] for p in PROCEDURES]),
        age_high=np.array([p.ages[1] for p in PROCEDURES]),
        performs=performs,
        for_diagnosis=for_diagnosis,
        chronic=np.array([index for index, d in enumerate(DIAGNOSES) if d.chronic]),
    )


def _diagnosis_weight(index: int, age: Floats, sex: Ints) -> Floats:
    found = DIAGNOSES[index]
    weight = found.weight * np.exp(-0.5 * ((age - found.peak) / found.width) ** 2)
    fits = (age >= found.ages[0]) & (age <= found.ages[1])
    if found.sex is not None:
        fits &= sex == (0 if found.sex == "F" else 1)
    return np.asarray(np.where(fits, weight, 0.0), dtype=np.float64)


def _members(config: SimulationConfig, rng: np.random.Generator) -> Members:
    count = max(MIN_MEMBERS, config.claims // 10)
    end, start = day_number(config.end), day_number(config.start)
    age = np.minimum(rng.beta(1.15, 1.75, count) * 98, 97.0)
    sex = (rng.random(count) < 0.49).astype(np.int64)
    region = np.searchsorted(np.cumsum([share for _, share, _ in REGIONS])[:-1], rng.random(count), side="right")
    plan = np.searchsorted(np.cumsum([share for *_, share in PLANS])[:-1], rng.random(count), side="right")
    age[EXAMPLE_MEMBER], plan[EXAMPLE_MEMBER] = 41.5, len(PLANS) - 1

    catalogue = build_catalogue()
    by_chronic = np.stack([_diagnosis_weight(int(index), age, sex) for index in catalogue.chronic], axis=1)
    has = rng.random(count) < np.clip(0.04 + by_chronic.sum(axis=1) * 0.045, 0, 0.8)
    chosen = catalogue.chronic[ChoiceTable(by_chronic).draw(np.arange(count), rng.random(count))]
    chronic = np.where(has & (by_chronic.sum(axis=1) > 0), chosen, -1)

    activity = rng.gamma(1.1, 1.0, count) * (0.6 + 0.8 * np.abs(age - 18) / 60) * np.where(chronic >= 0, 2.6, 1.0)
    joined, left = rng.random(count), rng.random(count)
    enrolled_from = np.where(joined < 0.12, start + rng.integers(0, config.days, count), start - 400)
    enrolled_from -= rng.integers(0, 2500, count) * (joined >= 0.12)
    enrolled_to = np.where(left < 0.04, np.maximum(end - rng.integers(0, 400, count), enrolled_from + 200), NEVER)
    enrolled_from[EXAMPLE_MEMBER], enrolled_to[EXAMPLE_MEMBER] = start - 400, NEVER
    birth = np.minimum(end - np.floor(age * 365.2425).astype(np.int64), enrolled_from)
    return Members(birth, sex, region, plan, chronic, activity, enrolled_from, enrolled_to)


def _providers(config: SimulationConfig, rng: np.random.Generator) -> Providers:
    count = max(MIN_PROVIDERS, config.claims // 800)
    end, start = day_number(config.end), day_number(config.start)
    places = len(REGIONS) * len(SPECIALTIES)
    weight = np.outer([share for _, share, _ in REGIONS], [SPECIALTY_VOLUME.get(name, 1.0) for name in SPECIALTIES])
    spare = rng.choice(places, count - places, p=weight.ravel() / weight.sum())
    first = np.arange(places)  # one of each specialty in each region, the rest by size
    orthopedics = EXAMPLE_PROVIDER // len(SPECIALTIES) * len(SPECIALTIES) + SPECIALTIES.index("orthopedics")
    first[[EXAMPLE_PROVIDER, orthopedics]] = first[[orthopedics, EXAMPLE_PROVIDER]]  # H456 does P001
    place = np.concatenate([first, spare])
    specialty, region = place % len(SPECIALTIES), place // len(SPECIALTIES)
    size = rng.lognormal(0, 0.7, count)
    founded, closed = rng.random(count), rng.random(count)
    active_from = np.where(founded < 0.18, start + rng.integers(30, config.days, count), start - 200)
    active_from -= rng.integers(0, 4000, count) * (founded >= 0.18)
    active_to = np.where(closed < 0.04, np.maximum(end - rng.integers(0, 500, count), active_from + 150), NEVER)
    active_from[:places], active_to[:places] = np.minimum(active_from[:places], start - 200), NEVER
    active_from[EXAMPLE_PROVIDER], active_to[EXAMPLE_PROVIDER] = start - 2000, NEVER
    return Providers(
        specialty=specialty,
        region=region,
        size=size,
        price=rng.lognormal(0, 0.17, count),
        delay_days=np.exp(rng.normal(np.log(4.0), 0.5, count)),
        batch_weekday=np.where(rng.random(count) < 0.22, rng.integers(0, 5, count), -1),
        active_from=active_from,
        active_to=active_to,
        anchor=np.argsort(first),
        by_place=Groups(place, size),
        by_specialty=Groups(specialty, size),
    )


def build_world(config: SimulationConfig) -> World:
    """Members, providers and the catalogue of the insurer."""
    rng = generator(config.seed, "world")
    return World(
        catalogue=build_catalogue(),
        members=_members(config, rng),
        providers=_providers(config, rng),
        price_level=np.array([level for *_, level in REGIONS]),
    )


def diagnosis_table() -> ChoiceTable:
    """Acute illness by (quarter of the year, age band, sex): row = (quarter × bands + band) × 2 + sex."""
    middles = np.array([0.4, *(np.array(AGE_BAND_EDGES[:-1]) + np.array(AGE_BAND_EDGES[1:])) / 2, 82])
    winter = np.array([1.0, 0.0, -0.7, 0.2])
    age, sex = np.repeat(middles, 2), np.tile([0, 1], len(middles))
    rows = []
    for quarter in winter:
        columns = [
            _diagnosis_weight(index, age, sex) * max(0.05, 1 + DIAGNOSES[index].winter * quarter)
            for index in range(len(DIAGNOSES))
        ]
        rows.append(np.stack(columns, axis=1))
    return ChoiceTable(np.concatenate(rows))
