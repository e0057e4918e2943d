"""Verify the file of an evidence pack: form, hashes, signature, counts and sums, and the score from vector and model.

Pure: the signature and the models are looked up by what the caller passes.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from pydantic import JsonValue

from claims.evidence.annex import SUM_TOLERANCE, ScoreAnnex, sum_difference, without_age_and_sex
from claims.evidence.canonical import SECTIONS, InvalidPack, from_json, pack_sha256, section_hashes
from claims.evidence.document import EvidencePack, PatternFact, ScheduledClaim, totals_of
from claims.evidence.patterns import pattern_fault
from claims.evidence.sealing import PackFile, read_pack_file

PROBABILITY_TOLERANCE: Final = 1e-6
"""Largest difference of a calibrated probability: the margin is a float32, which other processors may round
otherwise."""


class CheckState(StrEnum):
    """The result of a check."""

    EQUAL = "equal"
    DIFFERENT = "different"
    NOT_CHECKED = "not_checked"
    """What it needs is not at hand."""


@dataclass(frozen=True, slots=True)
class PackCheck:
    """One check."""

    name: str
    """`form`, `hashes`, `signature`, `pdf`, `counts`, `scores`, `model`, or `files` where files are given."""
    state: CheckState
    text: str


@dataclass(frozen=True, slots=True)
class PackVerification:
    """What a verification found."""

    pack_id: str | None
    """None: the file cannot be read."""
    case_id: str | None
    checks: tuple[PackCheck, ...]

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs. A check whose input is not at hand is no difference, but hash and signature are
        always checked."""
        states = {one.name: one.state for one in self.checks}
        needed = [states.get(name) is CheckState.EQUAL for name in ("form", "hashes", "signature", "counts", "scores")]
        return all(needed) and CheckState.DIFFERENT not in states.values()


@dataclass(frozen=True, slots=True)
class RecomputedScore:
    """A score that a model computed again from a vector."""

    margin: float
    base_margin: float
    probability: float
    contributions: Mapping[str, float]
    schema_hash: str


class ScoreModels(Protocol):
    """Models by version."""

    def recompute(self, annex: ScoreAnnex) -> RecomputedScore | None:
        """The score of the annex's vector; None: its model is not at hand. Raises `ValueError` for another schema."""


CheckSignature = Callable[[bytes, Mapping[str, JsonValue]], str | None]
"""From what is signed and a signature to what is wrong with it; None: it is valid, of a trusted key."""


def verify_pack(
    raw: bytes,
    check_signature: CheckSignature,
    *,
    models: ScoreModels | None = None,
    pdf_sha256: str | None = None,
    files: Mapping[str, str] | None = None,
) -> PackVerification:
    """Verify a file. `pdf_sha256`: of the PDF that belongs to it; None: there is none to compare. `files`: name →
    SHA-256 of files that are given as its records; None: none are compared."""
    try:
        file = read_pack_file(raw)
    except InvalidPack as error:
        return PackVerification(None, None, (_different("form", str(error)),))
    checks = [PackCheck("form", CheckState.EQUAL, "every byte is as a pack is written")]
    checks += [_hashes(file), _signature(file, check_signature), _pdf(file, pdf_sha256)]
    try:
        pack = from_json(dict(file.pack))
    except InvalidPack as error:
        checks.append(_different("counts", str(error)))
        return PackVerification(file.seal.pack_id, file.seal.case_id, tuple(checks))
    checks += [_checked("counts", _counts(pack), "recomputed from the schedule"), _scores(pack), _model(pack, models)]
    if files is not None:
        checks.append(_records(pack, files))
    return PackVerification(file.seal.pack_id, file.seal.case_id, tuple(checks))


def _different(name: str, text: str) -> PackCheck:
    return PackCheck(name, CheckState.DIFFERENT, text)


def _checked(name: str, faults: Iterator[str] | Sequence[str], equal: str) -> PackCheck:
    found = list(faults)
    return _different(name, "; ".join(found)) if found else PackCheck(name, CheckState.EQUAL, equal)


def _hashes(file: PackFile) -> PackCheck:
    own = section_hashes(file.pack)
    faults = [f"section {name} was changed" for name in SECTIONS if own[name] != file.seal.sections[name]]
    if pack_sha256(file.seal.sections) != file.seal.pack_sha256:
        faults.append("seal.pack_sha256 is not that of the sections")
    return _checked("hashes", faults, f"{len(own)} sections")


def _signature(file: PackFile, check: CheckSignature) -> PackCheck:
    problem = check(file.seal.signed_content, file.signature)
    return _checked("signature", [problem] if problem else [], f"signed with the key {file.signature.get('key')}")


def _pdf(file: PackFile, pdf_sha256: str | None) -> PackCheck:
    if pdf_sha256 is None:
        return PackCheck("pdf", CheckState.NOT_CHECKED, "no PDF to compare")
    faults = [] if pdf_sha256 == file.seal.pdf_sha256 else ["the PDF is not the one that was sealed with the pack"]
    return _checked("pdf", faults, "the PDF that was sealed with the pack")


def _records(pack: EvidencePack, files: Mapping[str, str]) -> PackCheck:
    """Each given file must be a record; a record that is not given is not checked."""
    stated = {one.sha256 for one in pack.records}
    by_name = {one.name: one.sha256 for one in pack.records}
    faults = []
    for name, digest in sorted(files.items()):
        if by_name.get(name, digest) != digest:
            faults.append(f"{name} is not the record of this name: its SHA-256 differs")
        elif digest not in stated:
            faults.append(f"{name} is none of the records")
    missing = [one.name for one in pack.records if one.sha256 not in files.values()]
    if faults or not missing:
        return _checked("files", faults, "the given files are all records of the pack")
    given = f"{len(pack.records) - len(missing)} of {len(pack.records)} records equal"
    return PackCheck("files", CheckState.NOT_CHECKED, f"{given}; not given: {', '.join(missing)}")


def _counts(pack: EvidencePack) -> Iterator[str]:
    own, stated = totals_of(pack.schedule.claims), pack.schedule.totals
    for name in own.__slots__:
        if getattr(own, name) != getattr(stated, name):
            yield f"schedule.totals.{name} is {getattr(stated, name)}; the claims give {getattr(own, name)}"
    for claim in pack.schedule.claims:
        yield from _claim_sums(claim)
    known = {one.claim_id for one in pack.schedule.claims}
    if len(known) != len(pack.schedule.claims):
        yield "schedule.claims has a claim twice"
    for pattern in pack.patterns:
        yield from _pattern(pattern, known)
        if (fault := pattern_fault(pattern, pack.schedule.claims)) is not None:
            yield fault
    for annex in pack.annex:
        if annex.claim_id not in known:
            yield f"annex: claim {annex.claim_id} is not in the schedule"
    if len({one.file_id for one in pack.records}) != len(pack.records):
        yield "records has a file twice"
    if pack.sample is not None and pack.sample.frame_claims < len(pack.sample.items):
        yield "sample: it has more claims than its frame"


def _claim_sums(claim: ScheduledClaim) -> Iterator[str]:
    if claim.lines and sum(one.billed_cents for one in claim.lines) != claim.billed_cents:
        yield f"claim {claim.claim_id}: its lines do not sum to what was billed"
    paid = [one.paid_cents for one in claim.lines if one.paid_cents is not None]
    if claim.lines and len(paid) == len(claim.lines) and sum(paid) != claim.paid_cents:
        yield f"claim {claim.claim_id}: its lines do not sum to what was paid"


def _pattern(pattern: PatternFact, known: set[str]) -> Iterator[str]:
    if missing := sorted(set(pattern.claims) - known):
        yield f"pattern {pattern.pattern_id}: {', '.join(missing)} not in the schedule"
    peers = pattern.peers
    if peers is not None and not (peers.n >= 1 and peers.median <= peers.p95 <= peers.p99):
        yield f"pattern {pattern.pattern_id}: the quantiles of the peers are out of order"


def _scores(pack: EvidencePack) -> PackCheck:
    faults = []
    for one in pack.annex:
        if sum_difference(one) > SUM_TOLERANCE:
            faults.append(f"claim {one.claim_id}: base and contributions do not sum to the margin")
        if one.flagged != (one.probability >= one.threshold):
            faults.append(f"claim {one.claim_id}: flagged contradicts probability and threshold")
        if set(one.contributions) != set(without_age_and_sex(dict.fromkeys(one.vector, 0.0))[0]):
            faults.append(f"claim {one.claim_id}: contributions and vector name different features")
    return _checked("scores", faults, f"the contributions of {len(pack.annex)} scores sum to their margins")


def _model(pack: EvidencePack, models: ScoreModels | None) -> PackCheck:
    absent: set[str] = set()
    faults: list[str] = []
    for one in pack.annex:
        try:
            again = None if models is None else models.recompute(one)
        except ValueError as error:
            faults.append(f"claim {one.claim_id}: {error}")
            continue
        if again is None:
            absent.add(one.model_version)
        else:
            faults += [f"claim {one.claim_id}: {problem}" for problem in _recomputed(one, again)]
    if faults or not pack.annex:
        return _checked("model", faults, "the pack has no score")
    if absent:
        return PackCheck("model", CheckState.NOT_CHECKED, f"not at hand: model {', '.join(sorted(absent))}")
    return PackCheck("model", CheckState.EQUAL, f"{len(pack.annex)} scores computed again from their vectors")


def _recomputed(stated: ScoreAnnex, again: RecomputedScore) -> Iterator[str]:
    shown, left_out = without_age_and_sex(again.contributions)
    pairs: list[tuple[str, float, float | None, float]] = [
        ("margin", stated.margin, again.margin, SUM_TOLERANCE),
        ("base_margin", stated.base_margin, again.base_margin, SUM_TOLERANCE),
        ("probability", stated.probability, again.probability, PROBABILITY_TOLERANCE),
        ("left_out", stated.left_out.sum, left_out.sum, SUM_TOLERANCE),
        *(
            (f"contribution of {name}", value, shown.get(name), SUM_TOLERANCE)
            for name, value in stated.contributions.items()
        ),
    ]
    for name, mine, other, tolerance in pairs:
        if other is None or not math.isclose(mine, other, rel_tol=0.0, abs_tol=tolerance):
            yield f"{name} is {mine}; the model gives {other}"
    if stated.schema_hash != again.schema_hash:
        yield "the model has another schema"
