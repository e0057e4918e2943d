"""Evidence packs: what a case proves, as typed values that are written, hashed, cited and recomputed; all of it pure.

document.py    the sections of a pack
annex.py       scores with what recomputes them; nothing about age and sex
sampling.py    the random sample of an overpayment
facts.py       every fact of a pack with a stable id
canonical.py   canonical JSON and hashes
"""

from claims.evidence.annex import (
    AGE_AND_SEX,
    AnnexReason,
    LeftOutContributions,
    ScoreAnnex,
    annex_reasons,
    is_about_age_or_sex,
    without_age_and_sex,
)
from claims.evidence.canonical import SECTIONS, InvalidPack, canonical, from_json, pack_sha256, section_hashes, to_json
from claims.evidence.document import (
    FORMAT,
    ActionTaken,
    Allegation,
    AllegationCategory,
    Circumstances,
    ClaimEdit,
    ClaimsSchedule,
    CustodyAct,
    EvidenceFile,
    EvidencePack,
    FileAccess,
    LossStatement,
    PackDetection,
    PackHeader,
    PackSubject,
    PatternFact,
    PatternUnit,
    PeerGroup,
    Referrer,
    ScheduledClaim,
    ScheduledLine,
    ScheduleTotals,
    SubjectIdentifier,
    totals_of,
)
from claims.evidence.facts import EvidenceFact, FactKind, FactValue, facts_of
from claims.evidence.sampling import SampledClaim, SampleEstimate, SampleSection

__all__ = [
    "AGE_AND_SEX",
    "FORMAT",
    "SECTIONS",
    "ActionTaken",
    "Allegation",
    "AllegationCategory",
    "AnnexReason",
    "Circumstances",
    "ClaimEdit",
    "ClaimsSchedule",
    "CustodyAct",
    "EvidenceFact",
    "EvidenceFile",
    "EvidencePack",
    "FactKind",
    "FactValue",
    "FileAccess",
    "InvalidPack",
    "LeftOutContributions",
    "LossStatement",
    "PackDetection",
    "PackHeader",
    "PackSubject",
    "PatternFact",
    "PatternUnit",
    "PeerGroup",
    "Referrer",
    "SampleEstimate",
    "SampleSection",
    "SampledClaim",
    "ScheduleTotals",
    "ScheduledClaim",
    "ScheduledLine",
    "ScoreAnnex",
    "SubjectIdentifier",
    "annex_reasons",
    "canonical",
    "facts_of",
    "from_json",
    "is_about_age_or_sex",
    "pack_sha256",
    "section_hashes",
    "to_json",
    "totals_of",
    "without_age_and_sex",
]
