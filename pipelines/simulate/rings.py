"""Fraud that goes with members: doctor shopping, rings of providers, and a card used by someone else."""

from dataclasses import replace

import numpy as np

from pipelines.simulate.actors import Scene
from pipelines.simulate.catalogue import DIAGNOSES, REGIONS, SPECIALTIES
from pipelines.simulate.draw import Ints
from pipelines.simulate.visits import HONEST, Rows, price, service_days, units_and_lines
from pipelines.simulate.world import EXAMPLE_MEMBER, EXAMPLE_PROVIDER, PROCEDURE_INDEX

_BACK_PAIN = next(index for index, diagnosis in enumerate(DIAGNOSES) if diagnosis.code == "D004")
_CONTROLLED = PROCEDURE_INDEX["P142"]
_VISITS = tuple(PROCEDURE_INDEX[code] for code in ("P011", "P012"))


def _billed(scene: Scene, member: Ints, provider: Ints, procedure: Ints, diagnosis: Ints, day: Ints) -> Rows:
    """Claims received on `day`, with service days, units, lines and amount as usual."""
    first, last = service_days(scene.world, day, provider, procedure, scene.rng)
    units, lines = units_and_lines(scene.world, procedure, scene.rng)
    rows = Rows(
        member, provider, procedure, diagnosis, day, first, last, np.zeros(len(day), dtype=np.int64), units, lines,
        np.full(len(day), HONEST),
    )  # fmt: skip
    return replace(rows, amount_cents=price(scene.world, rows, scene.rng, scene.calendar.first_day))


def _open(scene: Scene, rows: Rows) -> Rows:
    """Those of the claims whose provider was active and whose member was insured, inside the time simulated."""
    providers, members = scene.world.providers, scene.world.members
    good = (providers.active_from[rows.provider] <= rows.service_from) & (rows.provider != EXAMPLE_PROVIDER)
    good &= providers.active_to[rows.provider] >= rows.service_to
    good &= scene.excluded_from[rows.provider] > rows.received_day
    good &= (members.enrolled_from[rows.member] <= rows.service_from) & (rows.member != EXAMPLE_MEMBER)
    good &= members.enrolled_to[rows.member] > rows.service_to
    good &= (rows.received_day >= scene.calendar.first_day) & (rows.received_day <= scene.calendar.last_day)
    return rows.take(good)


def _episodes(scene: Scene, kind: str, count: int, low: int, high: int, span: int) -> tuple[Ints, Ints]:
    """(episode of each claim, its day): bursts of `low` to `high` claims within about `span` days."""
    first, until = scene.alive(kind)
    bursts = max(1, round(count / ((low + high) / 2)))
    size = scene.rng.integers(low, high + 1, bursts)
    start = scene.calendar.draw(np.full(bursts, first), np.full(bursts, until), scene.rng.random(bursts))
    episode = np.repeat(np.arange(bursts), size)
    return episode, start[episode] + scene.rng.integers(0, span, len(episode))


def doctor_shopping(scene: Scene, count: int) -> Rows:
    """A member sees one doctor after the other within weeks, for the same controlled medicine."""
    rng, world = scene.rng, scene.world
    count = round(count * 1.1)
    episode, day = _episodes(scene, "doctor_shopping", count, 5, 10, 30)
    age = world.members.age(np.arange(len(world.members.birth)), np.full(len(world.members.birth), day[0]))
    covered = world.members.enrolled_from < scene.calendar.first_day - 100
    covered &= world.members.enrolled_to > scene.calendar.last_day
    adults = rng.permutation(np.flatnonzero((age >= 20) & (age < 70) & covered))
    shoppers = adults[: max(2, int(episode[-1] + 1) // 3)]
    member = shoppers[rng.integers(0, len(shoppers), int(episode[-1]) + 1)][episode]
    controlled = rng.random(len(day)) < 0.55
    visit = np.array(_VISITS)[rng.integers(0, len(_VISITS), len(day))]
    procedure = np.where(controlled, _CONTROLLED, visit)
    specialty = np.where(controlled, SPECIALTIES.index("pharmacy"), SPECIALTIES.index("general_practice"))
    home = world.members.region[member]
    region = np.where(rng.random(len(day)) < 0.25, rng.integers(0, len(REGIONS), len(day)), home)
    provider = world.providers.by_place.draw(region * len(SPECIALTIES) + specialty, rng.random(len(day)))
    return _open(scene, _billed(scene, member, provider, procedure, np.full(len(day), _BACK_PAIN), day))


def kickback_ring(scene: Scene, count: int) -> Rows:
    """Three to five providers of a region send the same members round among themselves."""
    rng, world = scene.rng, scene.world
    rings = max(2, round(count / 110))
    pool = scene.providers("kickback_ring", round(count * 1.2), least=3 * rings)
    if not len(pool.indices):
        return scene.honest.take(np.zeros(0, dtype=np.int64))
    by_region = pool.indices[np.argsort(world.providers.region[pool.indices], kind="stable")]
    groups = [group for group in np.array_split(by_region, max(1, min(rings, len(by_region) // 3))) if len(group)]
    episode, day = _episodes(scene, "kickback_ring", round(count * 1.15), 3, 6, 10)
    ring = rng.integers(0, len(groups), int(episode[-1]) + 1)
    begin, end = scene.months("kickback_ring", len(groups))
    shift = scene.calendar.draw(begin[ring], np.maximum(end, begin + 30)[ring], rng.random(len(ring)))[episode]
    day = shift + rng.integers(0, 10, len(episode))
    member, provider = np.zeros_like(day), np.zeros_like(day)
    for number, group in enumerate(groups):
        mine = ring[episode] == number
        known = scene.panel(np.resize(group, 60), np.full(60, scene.calendar.last_day))
        patients = scene.honest.member[known[known >= 0]][: max(8, int(mine.sum()) // 5)]
        if not len(patients):
            patients = np.array([0])
        chosen = patients[rng.integers(0, len(patients), int(episode[-1]) + 1)]
        member[mine] = chosen[episode[mine]]
        provider[mine] = group[rng.integers(0, len(group), int(mine.sum()))]
    shown = np.stack([scene.panel(provider, day + 1) for _ in range(2)])
    cost = np.where(shown >= 0, world.catalogue.cost_cents[scene.honest.procedure[shown]], -1)
    at = shown[np.argmax(cost, axis=0), np.arange(len(day))]
    usable = at >= 0
    content, member, provider, day = scene.honest.take(at[usable]), member[usable], provider[usable], day[usable]
    rows = _billed(scene, member, provider, content.procedure, content.diagnosis, day)
    return _open(scene, rows)


def identity_misuse(scene: Scene, count: int) -> Rows:
    """A seldom used card is suddenly used by someone of another age or sex, often at a provider in the know."""
    rng, world = scene.rng, scene.world
    episode, day = _episodes(scene, "identity_misuse", round(count * 1.1), 2, 5, 15)
    bursts = int(episode[-1]) + 1
    actors = scene.providers("identity_misuse", round(count * 0.6))
    quiet = np.flatnonzero(world.members.activity < np.quantile(world.members.activity, 0.4))
    member = quiet[rng.integers(0, len(quiet), bursts)][episode]
    anywhere = world.providers.by_specialty.draw(rng.integers(0, len(SPECIALTIES), len(day)), rng.random(len(day)))
    provider = anywhere
    if len(actors.indices):
        colluding = actors.indices[rng.integers(0, len(actors.indices), bursts)][episode]
        provider = np.where(rng.random(len(day)) < 0.6, colluding, anywhere)
    at = scene.panel(provider, day + 1)
    usable = at >= 0
    content = scene.honest.take(at[usable])
    rows = _billed(scene, member[usable], provider[usable], content.procedure, content.diagnosis, day[usable])
    return _open(scene, rows)
