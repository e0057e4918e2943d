"""Which claim a reversal takes back, and which claim corrects it.

A payer corrects a claim by a reversal (CLP02 22) with the identifiers and the charge of the claim, and a new entry with
the same identifiers. Entries of one claim are ordered by the day of payment, then by their place in the files, so the
order in which files were read does not matter. An explanation of benefits names the claim that it corrects instead.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from pipelines.ingest.history.spool import HistorySpool, SpooledClaim

NO_CLAIM = "reverses a claim that is not in the files"
OTHER_AMOUNT = "reverses another charge than the claim had"


@dataclass(frozen=True, slots=True)
class ClaimVersion:
    """A further entry of a claim that was reversed: a claim of its own, received when it was decided."""

    claim_id: str
    replaces: str


@dataclass(slots=True)
class ResolvedHistory:
    """What the entries of the files mean together."""

    reverses: dict[int, str] = field(default_factory=dict)
    """Row of a reversal → id of the claim that it takes back."""
    versions: dict[int, ClaimVersion] = field(default_factory=dict)
    """Row of a claim → what it corrects."""
    unmatched: dict[int, str] = field(default_factory=dict)
    """Row of a reversal → why it has no claim."""
    replaced_on: dict[str, str] = field(default_factory=dict)
    """Id of a claim that another entry names as corrected → the first day on which it is."""


@dataclass(frozen=True, slots=True, order=True)
class _Entry:
    """Ordered as the payer made them."""

    decided_on: str
    row: int
    claim_id: str
    cents: int
    reverses: bool


def resolve(spool: HistorySpool) -> ResolvedHistory:
    """Match reversals with claims. Memory is bounded by the number of reversals and corrections."""
    found = ResolvedHistory()
    reversals = []
    for claim in spool.claims():
        if claim.reverses:
            reversals.append(claim)
        elif claim.replaces:
            day = claim.received_on or claim.service_to
            found.replaced_on[claim.replaces] = min(day, found.replaced_on.get(claim.replaces, day))
    if not reversals:
        return found
    by_id, by_number = _candidates(spool, reversals)
    entries: dict[tuple[str, str], list[_Entry]] = defaultdict(list)
    for one in reversals:
        key = _key_of(one, by_id, by_number)
        if key is None:
            found.unmatched[one.row] = NO_CLAIM
        else:
            entries[key].append(_entry(one))
    for key, taken_back in entries.items():
        _walk(sorted(by_id[key] + taken_back), found)
    return found


_ByKey = dict[tuple[str, str], list[_Entry]]


def _candidates(spool: HistorySpool, reversals: list[SpooledClaim]) -> tuple[_ByKey, _ByKey]:
    """Claims with the identifiers of a reversal, by provider and payer's number, and by provider and own number."""
    ids = {(one.provider_id, one.claim_id) for one in reversals}
    numbers = {(one.provider_id, one.claim_number) for one in reversals if one.claim_number}
    by_id: _ByKey = defaultdict(list)
    by_number: _ByKey = defaultdict(list)
    for claim in spool.claims():
        key, number = (claim.provider_id, claim.claim_id), (claim.provider_id, claim.claim_number)
        if not claim.reverses and (key in ids or number in numbers):
            by_id[key].append(_entry(claim))
            by_number[number].append(_entry(claim))
    return by_id, by_number


def _key_of(one: SpooledClaim, by_id: _ByKey, by_number: _ByKey) -> tuple[str, str] | None:
    """Provider and payer's number of the claim; by the provider's number where only one claim of that charge has it."""
    key = (one.provider_id, one.claim_id)
    if key in by_id:
        return key
    alike = by_number.get((one.provider_id, one.claim_number), []) if one.claim_number else []
    ids = {entry.claim_id for entry in alike if entry.cents == one.billed_cents}
    return (one.provider_id, ids.pop()) if len(ids) == 1 else None


def _entry(one: SpooledClaim) -> _Entry:
    return _Entry(one.decided_on, one.row, one.claim_id, one.billed_cents, one.reverses)


def _walk(entries: list[_Entry], found: ResolvedHistory) -> None:
    """Follow the entries of one claim: a claim after a reversal is its next version."""
    first = next(entry.claim_id for entry in entries if not entry.reverses)
    current: _Entry | None = None
    current_id, versions = "", 0
    for entry in entries:
        if entry.reverses:
            if current is None:
                found.unmatched[entry.row] = NO_CLAIM
            elif current.cents != entry.cents:
                found.unmatched[entry.row] = OTHER_AMOUNT
            else:
                found.reverses[entry.row] = current_id
                current = None
        elif current is None:
            versions += 1
            current, before = entry, current_id
            current_id = first if versions == 1 else f"{first}.{versions}"
            if versions > 1:
                found.versions[entry.row] = ClaimVersion(current_id, before)
