"""Check that windows have the same values offline and in the database, for claims that were replayed."""

from dataclasses import dataclass

import psycopg

from api.windows import WindowQuery, windows_at
from claims.windows import EntityWindow, WindowValue
from core import clock
from features.parity import HardClaims, facts_of
from features.windows import window_values

_MOST = 1_000
"""Claims that are compared."""
_WINDOWS = {
    key: EntityWindow(
        key=key,
        lengths=("1h", "1d", "30d", "ever"),
        sum=("amount",),
        mean=("amount", "units"),
        distinct=("member_id", "diagnosis_code"),
        last=("amount",),
        fraud_rate=True,
        delay_days=2,
    )
    for key in ("provider_id", "member_id", "procedure_code")
}
_VALUES: dict[str, WindowValue] = {
    name: value for window, declared in _WINDOWS.items() for name, value in declared.values(window).items()
}


@dataclass(frozen=True, slots=True)
class WindowParity:
    """The result of a comparison."""

    values: int
    mismatches: list[str]


def compare_windows(url: str, claims: HardClaims) -> WindowParity:
    """Compare the values of windows, bit for bit; `url` is the database that the claims were replayed into.

    Claims of the last day are left out: what arrives late on it is still to come.
    """
    frame = claims.frame()
    offline = window_values(_VALUES, frame, None, claims.labels_frame())
    rows = {claim_id: place for place, claim_id in enumerate(frame["claim_id"].to_pylist())}
    last_day = max(clock.day_number(row["received_at"]) for row in claims.live)
    compared = [row for row in claims.live if clock.day_number(row["received_at"]) < last_day][-_MOST:]
    columns = {name: offline[name].to_pylist() for name in _VALUES}
    mismatches = []
    with psycopg.connect(url, autocommit=True) as connection:
        online = windows_at(connection, WindowQuery(_VALUES), [facts_of(row) for row in compared])
    for facts in online:
        place = rows[facts.claim_id]
        for name, column in columns.items():
            found, built = facts.attributes.get(name), column[place]
            if found != built:
                mismatches.append(f"{facts.claim_id} {name}: online {found!r} offline {built!r}")
    return WindowParity(len(compared) * len(_VALUES), mismatches)
