"""Evidence packs: what a case proves, as typed values that are written, hashed, cited and recomputed; all of it pure.

document.py    the sections of a pack
annex.py       scores with what recomputes them; nothing about age and sex
sampling.py    the random sample of an overpayment
facts.py       every fact of a pack with a stable id
patterns.py    counts of the schedule, compared with peers
canonical.py   canonical JSON and hashes
sealing.py     the file: pack, seal and signature
verification.py   recomputing everything that a file states
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
    FORMATS,
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
    FileWithdrawal,
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
from claims.evidence.patterns import main_procedures, schedule_patterns
from claims.evidence.sampling import SampledClaim, SampleEstimate, SampleSection
from claims.evidence.sealing import LARGEST, PackFile, PackSeal, pack_file, read_pack_file, seal_of
from claims.evidence.verification import (
    CheckSignature,
    CheckState,
    PackCheck,
    PackVerification,
    RecomputedScore,
    ScoreModels,
    verify_pack,
)

__all__ = [
    "AGE_AND_SEX",
    "FORMAT",
    "FORMATS",
    "LARGEST",
    "SECTIONS",
    "ActionTaken",
    "Allegation",
    "AllegationCategory",
    "AnnexReason",
    "CheckSignature",
    "CheckState",
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
    "FileWithdrawal",
    "InvalidPack",
    "LeftOutContributions",
    "LossStatement",
    "PackCheck",
    "PackDetection",
    "PackFile",
    "PackHeader",
    "PackSeal",
    "PackSubject",
    "PackVerification",
    "PatternFact",
    "PatternUnit",
    "PeerGroup",
    "RecomputedScore",
    "Referrer",
    "SampleEstimate",
    "SampleSection",
    "SampledClaim",
    "ScheduleTotals",
    "ScheduledClaim",
    "ScheduledLine",
    "ScoreAnnex",
    "ScoreModels",
    "SubjectIdentifier",
    "annex_reasons",
    "canonical",
    "facts_of",
    "from_json",
    "is_about_age_or_sex",
    "main_procedures",
    "pack_file",
    "pack_sha256",
    "read_pack_file",
    "schedule_patterns",
    "seal_of",
    "section_hashes",
    "to_json",
    "totals_of",
    "verify_pack",
    "without_age_and_sex",
]
