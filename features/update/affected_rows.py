"""Which rows of the online store a batch of events affects, and their current values."""

from collections.abc import Iterable, Sequence

from features.declare import PLANS, Key, key_of
from features.online import pack_rows
from features.update.database import Connection
from features.update.events import LABELLED, ClaimEvent
from features.update.hot_keys import HotKeys
from features.update.recompute_history import recompute_history


def affected_keys(events: Iterable[ClaimEvent]) -> dict[str, list[Key]]:
    """Group name → the distinct keys of these claims."""
    found: dict[str, dict[Key, None]] = {name: {} for name in PLANS}
    for event in events:
        for plan in PLANS.values():
            key = key_of(plan.keys, event)
            if key is not None:
                found[plan.name][key] = None
    return {name: list(keys) for name, keys in found.items() if keys}


def affected_values(
    connection: Connection,
    events: Sequence[ClaimEvent],
    *,
    rolled_day: int,
    project: str,
    generation: int,
    hot: HotKeys,
    writes: int,
) -> dict[bytes, bytes]:
    """The keys of the online store that these events affect, with their values as of now, on `rolled_day`.

    `writes` is the watermark's count, from which `hot` sees whether another process wrote.
    """
    existing = [event for event in events if event.claim_id is not None]
    late = [event for event in existing if event.changes_history(rolled_day)]
    # A label changes no today row: a finding counts from the midnight after it became known.
    late_claims = [event for event in late if event.topic != LABELLED]
    of_day = [event for event in existing if event.day == rolled_day and event.topic != LABELLED]
    values: dict[bytes, bytes] = {}
    hot.begin(day=rolled_day, writes=writes, late=bool(late_claims))
    today = hot.today_rows_of(connection, affected_keys(of_day + late_claims), of_day)
    for name, rows in today.items():
        view = PLANS[name].today
        if view is not None:
            values |= pack_rows(project, generation, view, rows)
    return values | late_history(connection, late, day=rolled_day, project=project, generation=generation)


def late_history(
    connection: Connection, late: Sequence[ClaimEvent], *, day: int, project: str, generation: int
) -> dict[bytes, bytes]:
    """The history keys of the online store that late events affect, with their values as of `day`."""
    values: dict[bytes, bytes] = {}
    if late:
        for name, rows in recompute_history(connection, {day: affected_keys(late)})[day].items():
            values |= pack_rows(project, generation, PLANS[name].history, rows)
    return values
