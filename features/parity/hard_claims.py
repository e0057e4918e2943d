"""A claims history that is hard on features, for `verify.py`: every case in which the two paths could differ.

It contains claims of one second and of one microsecond, at midnight and a microsecond to either side, a window's
length after another claim with the same keys and a day more, the first of their member or provider, without optional
facts, with keys of any text, corrected, voided the same day, the next and much later, claims and voidings committed
after the midnight that follows them; findings confirmed, repeated, cleared, withdrawn and confirmed again, before and
during the live days, some committed after the midnight that follows them; and a provider with 50,000 claims. The same
seed gives the same rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from core import clock
from core.clock import DAY_US
from features.declare import CLAIMS, LABELS

LIVE_DAYS = 3
BIG = "H-big"
BIG_CLAIMS = 50_000
_WINDOWS = (1, 7, 30, 90, 180, 365)
_KEYS = ("member_id", "provider_id", "procedure_code", "diagnosis_code", "service_from")
_UNUSUAL = ("M:1", "1:M", "Ω–é", "a b", '"', "\\", "5:abc", "'", "\n", "🧾")

ClaimRow: TypeAlias = dict[str, Any]
"""A row of the claims frame or the labels frame, by column."""
LabelKey = tuple[str, datetime]
"""Claim, and when the label became known."""


@dataclass(frozen=True, slots=True)
class HardClaims:
    """Claims of the past, claims of the live days, and labels of some of them."""

    history: list[ClaimRow]
    live: list[ClaimRow]
    """In the order of receipt."""
    labels: list[ClaimRow]
    """In the order in which they became known."""
    late: frozenset[str]
    """Claims committed only after the midnight that follows them."""
    late_voids: frozenset[str]
    """Claims whose voiding is committed only then."""
    late_labels: frozenset[LabelKey]
    """Labels committed only then."""
    first_day: int
    """The first live day, days since the epoch."""

    def frame(self) -> pa.Table:
        """All claims as the claims frame."""
        return pa.Table.from_pylist([*self.history, *self.live], schema=CLAIMS)

    def live_frame(self) -> pa.Table:
        """The live claims as the claims frame."""
        return pa.Table.from_pylist(self.live, schema=CLAIMS)

    def fresh_rows(self, count: int) -> list[ClaimRow]:
        """More claims like the live ones, each of a member of its own; the caller sets their times."""
        often = [row for row in self.live if row["replaces"] is None]
        return [
            often[place % len(often)]
            | {"claim_id": f"clm_f{place:08d}", "member_id": f"M-fresh-{place}", "voided_at": None}
            for place in range(count)
        ]

    def labels_frame(self) -> pa.Table:
        """The labels frame."""
        return pa.Table.from_pylist(self.labels, schema=LABELS)


def generate_hard_claims(count: int, *, seed: int = 1, end: date, big_claims: int = BIG_CLAIMS) -> HardClaims:
    """`count` live claims on the three days before `end`, after a year and a half of history."""
    return _Generator(count, seed, end, big_claims).generate()


class _Generator:
    def __init__(self, count: int, seed: int, end: date, big_claims: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._count = count
        self._big = big_claims
        self._first_day = end.toordinal() - date(1970, 1, 1).toordinal() - LIVE_DAYS
        self._number = 0
        self._members, self._providers, self._procedures = count // 3 + 20, count // 12 + 10, count // 12 + 10

    def generate(self) -> HardClaims:
        live_us = self._live_times()
        live = [self._row(int(us)) for us in live_us]
        self._near_simultaneous(live)
        self._unusual_keys(live)
        history = self._history()
        history += self._window_edges(live)
        live = [row for row in live if not self._is_past_end(row)]
        corrections = self._corrections(live)
        live += corrections
        late_voids = self._voids(history, live)
        live.sort(key=lambda row: (row["received_at"], row["claim_id"]))
        late = self._late(live)
        labels = self._labels(history, live)
        return HardClaims(history, live, labels, late, late_voids, self._late_labels(labels, late), self._first_day)

    def _live_times(self) -> np.ndarray:
        start, span = self._first_day * DAY_US, LIVE_DAYS * DAY_US
        us = start + self._rng.integers(0, span, self._count)
        midnights = [start + day * DAY_US for day in range(LIVE_DAYS)]
        edges = [midnight + offset for midnight in midnights for offset in (0, 0, 1, -1 + DAY_US)]
        us[: len(edges)] = edges[: self._count]
        return np.sort(us)

    def _row(self, us: int, provider: str | None = None) -> ClaimRow:
        rng = self._rng
        self._number += 1
        at = clock.from_micros(us)
        member, chosen = int(rng.integers(self._members)), int(rng.integers(self._providers))
        procedure = int(rng.integers(self._procedures))
        service = date.fromordinal(at.date().toordinal() - int(rng.integers(0, 4)))
        return {
            "claim_id": f"clm_v{self._number:08d}",
            "received_at": at,
            "service_from": service,
            "service_to": date.fromordinal(service.toordinal() + int(rng.integers(0, 3))),
            "member_id": f"M{member:06d}",
            "provider_id": provider or f"H{chosen:05d}",
            "procedure_code": f"P{procedure:05d}",
            "diagnosis_code": f"D{(procedure + int(rng.integers(3))) % 150:03d}",
            "place_of_service": _pick(rng, ("11", "21", "23", "02", None)),
            "region": _pick(rng, ("Coast", "Lakes", "Hills", None)),
            "specialty": _pick(rng, ("cardiology", "surgery", "general", None)),
            "age_years": None if rng.random() < 0.05 else member % 95,
            "sex": None if rng.random() < 0.02 else "FM"[member % 2],
            "amount_cents": int(np.exp(rng.normal(9, 1.2))) + 1,
            "units": int(rng.integers(1, 6)),
            "lines": int(rng.integers(1, 4)),
            "diagnoses": int(rng.integers(1, 5)),
            "benefit_limit_cents": None if rng.random() < 0.05 else 2_500_000,
            "voided_at": None,
            "replaces": None,
        }

    def _history(self) -> list[ClaimRow]:
        start, span = (self._first_day - 550) * DAY_US, 550 * DAY_US
        rows = [self._row(int(us)) for us in start + self._rng.integers(0, span, self._count)]
        year = (self._first_day - 365) * DAY_US
        times = year + self._rng.integers(0, 365 * DAY_US, self._big)
        return rows + [self._row(int(us), BIG) for us in times]

    def _near_simultaneous(self, live: list[ClaimRow]) -> None:
        """Move some claims to the second or the microsecond of the claim before them, with some of its keys."""
        for place in range(1, len(live)):
            draw = self._rng.random()
            if draw > 0.12:
                continue
            before, row = live[place - 1], live[place]
            apart = 0 if draw < 0.04 else int(self._rng.integers(1, 1_000_000))
            us = clock.micros(before["received_at"]) + apart
            if us // DAY_US < self._first_day + LIVE_DAYS:
                row["received_at"] = clock.from_micros(us)
            shared = _KEYS[: int(self._rng.integers(1, len(_KEYS)))]
            row |= {key: before[key] for key in shared}
            row["service_from"] = row["service_to"] = min(row["service_from"], row["received_at"].date())

    def _unusual_keys(self, live: list[ClaimRow]) -> None:
        for row in live:
            draw = self._rng.random()
            if draw < 0.01:
                row["provider_id"] = BIG
            elif draw < 0.03:
                row["member_id"] = f"M-first-{row['claim_id']}"
            elif draw < 0.04:
                row["provider_id"] = f"H-first-{row['claim_id']}"
            elif draw < 0.06:
                row["member_id"] = _pick(self._rng, _UNUSUAL)
                row["provider_id"] = _pick(self._rng, _UNUSUAL)

    def _window_edges(self, live: Sequence[ClaimRow]) -> list[ClaimRow]:
        """Claims with the keys of some live ones, a window before them, a day more, and at the midnights around."""
        found = []
        for row in live:
            if self._rng.random() > min(0.1, 2_000 / len(live)):
                continue
            days = int(_WINDOWS[self._rng.integers(len(_WINDOWS))]) + int(self._rng.integers(0, 2))
            midnight = clock.day_number(row["received_at"]) * DAY_US - days * DAY_US
            us = (clock.micros(row["received_at"]) - days * DAY_US, midnight, midnight - 1)
            earlier = self._row(us[int(self._rng.integers(3))])
            if clock.day_number(earlier["received_at"]) < self._first_day:
                found.append(earlier | {key: row[key] for key in _KEYS[:4]})
        return found

    def _is_past_end(self, row: ClaimRow) -> bool:
        return clock.day_number(row["received_at"]) >= self._first_day + LIVE_DAYS

    def _corrections(self, live: Sequence[ClaimRow]) -> list[ClaimRow]:
        """Claims that replace another, which is voided on their receipt."""
        found = []
        end = (self._first_day + LIVE_DAYS) * DAY_US
        for row in live:
            us = clock.micros(row["received_at"]) + int(self._rng.exponential(4 * 3_600_000_000)) + 1
            if self._rng.random() < 0.01 and us < end:
                again = self._row(us) | {key: row[key] for key in _KEYS} | {"service_to": row["service_to"]}
                row["voided_at"] = again["received_at"]
                found.append(again | {"replaces": row["claim_id"]})
        return found

    def _voids(self, history: Sequence[ClaimRow], live: Sequence[ClaimRow]) -> frozenset[str]:
        """Void some; voidings in the last microsecond of a day, except the last, are committed after midnight."""
        late = []
        end = (self._first_day + LIVE_DAYS) * DAY_US
        for row in live:
            us = clock.micros(row["received_at"]) + int(self._rng.exponential(12 * 3_600_000_000)) + 1
            if row["voided_at"] is None and self._rng.random() < 0.03 and us < end:
                row["voided_at"] = clock.from_micros(us)
            last_us = (clock.day_number(row["received_at"]) + 1) * DAY_US - 1
            if row["voided_at"] is None and self._rng.random() < 0.02 and last_us < end - 1:
                row["voided_at"] = clock.from_micros(last_us)
                late.append(row["claim_id"])
        for row in history:
            if self._rng.random() < 0.02:
                us = clock.micros(row["received_at"]) + int(self._rng.exponential(40 * DAY_US)) + 1
                if us < end:
                    row["voided_at"] = clock.from_micros(us)
        return frozenset(late)

    def _late(self, live: Sequence[ClaimRow]) -> frozenset[str]:
        """One claim in the last microsecond of each day except the last: no claim of its day follows it."""
        late = {}
        for row in live:
            us = clock.micros(row["received_at"])
            if us % DAY_US == DAY_US - 1 and row["replaces"] is None and row["voided_at"] is None:
                late[us // DAY_US] = row["claim_id"]
        late.pop(self._first_day + LIVE_DAYS - 1, None)
        return frozenset(late.values())

    def _labels(self, history: Sequence[ClaimRow], live: Sequence[ClaimRow]) -> list[ClaimRow]:
        """Labels of some claims, one to six each; for a third of these claims one in the live days."""
        labels: list[ClaimRow] = []
        start, span = self._first_day * DAY_US, LIVE_DAYS * DAY_US
        for row in (*history, *live):
            if self._rng.random() > 0.05:
                continue
            us = clock.micros(row["received_at"]) + int(self._rng.exponential(60 * DAY_US))
            for _ in range(min(int(self._rng.geometric(0.5)), 5)):
                labels.append(self._label(row, us))
                us += 1 + int(self._rng.exponential((1, 3_600_000_000, 20 * DAY_US)[self._rng.integers(3)]))
            if self._rng.random() < 0.35:
                labels.append(self._label(row, max(us, start + int(self._rng.integers(span)))))
        return sorted(labels, key=lambda label: (label["known_at"], label["claim_id"]))

    def _label(self, row: ClaimRow, us: int) -> ClaimRow:
        truth = (True, True, False, None)[self._rng.integers(4)]
        return {"claim_id": row["claim_id"], "is_fraud": truth, "kind": None, "known_at": clock.from_micros(us)}

    def _late_labels(self, labels: Sequence[ClaimRow], late: frozenset[str]) -> frozenset[LabelKey]:
        """Some labels of each live day except the last, and those of claims that are late themselves."""
        found = []
        for label in labels:
            day = clock.day_number(label["known_at"])
            if self._first_day <= day < self._first_day + LIVE_DAYS - 1 and (
                label["claim_id"] in late or self._rng.random() < 0.3
            ):
                found.append((label["claim_id"], label["known_at"]))
        return frozenset(found)


def _pick(rng: np.random.Generator, choices: Sequence[str | None]) -> str | None:
    return choices[int(rng.integers(len(choices)))]
