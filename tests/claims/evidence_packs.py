"""Evidence packs to test with; each test states only what it is about."""

from datetime import UTC, date, datetime
from typing import Any

from claims.evidence import (
    ActionTaken,
    Allegation,
    AllegationCategory,
    AnnexReason,
    Circumstances,
    ClaimEdit,
    ClaimsSchedule,
    CustodyAct,
    EvidenceFile,
    EvidencePack,
    FileAccess,
    FileWithdrawal,
    LeftOutContributions,
    LossStatement,
    PackDetection,
    PackHeader,
    PackSubject,
    PatternFact,
    PatternUnit,
    PeerGroup,
    Referrer,
    SampledClaim,
    SampleEstimate,
    SampleSection,
    ScheduledClaim,
    ScheduledLine,
    ScoreAnnex,
    SubjectIdentifier,
    totals_of,
)

AT = datetime(2026, 3, 2, 10, 15, 0, 123456, tzinfo=UTC)
DAY = date(2026, 2, 27)


def make_scheduled_claim(number: int = 1, **changes: Any) -> ScheduledClaim:
    """A claim of two lines, `clm_<number>`."""
    lines = (
        ScheduledLine(1, "99214", ("25",), 1, DAY, 120_00, 96_00),
        ScheduledLine(2, "80053", (), 2, DAY, 60_00, 48_00),
    )
    values: dict[str, Any] = {
        "claim_id": f"clm_{number}",
        "received_at": AT,
        "service_from": DAY,
        "service_to": DAY,
        "provider_id": "H1",
        "member": f"M{number}",
        "status": "approved",
        "diagnosis_code": "E11.9",
        "place_of_service": "11",
        "billed_cents": 180_00,
        "paid_cents": 144_00,
        "at_risk_cents": 0,
        "lines": lines,
        "edits": (ClaimEdit("duplicate_service", 2, "Line 2 repeats line 1 of clm_9.", "NCCI 2026Q1"),),
    }
    return ScheduledClaim(**(values | changes))


def make_annex(number: int = 1, **changes: Any) -> ScoreAnnex:
    """The score of `clm_<number>`: contributions, base and what is left out sum to the margin."""
    values: dict[str, Any] = {
        "claim_id": f"clm_{number}",
        "assessment_id": f"asm_{number}",
        "made_at": AT,
        "model_version": "20260301-1",
        "schema_hash": "0" * 64,
        "probability": 0.81,
        "threshold": 0.5,
        "flagged": True,
        "margin": 1.25,
        "base_margin": -2.0,
        "contributions": {"amount_ratio": 2.5, "provider_claims_30d": 0.875},
        "left_out": LeftOutContributions(1, -0.125),
        "vector": {"amount_ratio": 3.2, "provider_claims_30d": None, "procedure_given_demographic": 0.01},
        "risk_indicators": (AnnexReason("price_against_peers", "3.2 times the usual amount.", 2.5),),
        "mitigating_factors": (AnnexReason("timing", "Billed on the day of the service.", -0.25),),
        "stale_views": (),
    }
    return ScoreAnnex(**(values | changes))


def make_sample(**changes: Any) -> SampleSection:
    """A sample of two claims of a frame of 40."""
    values: dict[str, Any] = {
        "sample_id": "smp_1",
        "drawn_at": AT,
        "design": "simple",
        "frame_claims": 40,
        "frame_paid_cents": 9_000_00,
        "frame_sha256": "a" * 64,
        "seed": "20260302",
        "items": (SampledClaim("clm_1", "all", 144_00, 96_00), SampledClaim("clm_2", "all", 144_00, 0)),
        "estimate": SampleEstimate("difference estimator", 1_920_00, 800_00, 0.9),
    }
    return SampleSection(**(values | changes))


def make_pack(*, claims: int = 2, **changes: Any) -> EvidencePack:
    """A pack of a case about the provider `H1`."""
    scheduled = tuple(make_scheduled_claim(number) for number in range(1, claims + 1))
    pattern = PatternFact(
        "p1",
        "billed per claim",
        "Mean billed per claim of 99214",
        PatternUnit.MONEY,
        180_00,
        "sum of billed / claims",
        tuple(one.claim_id for one in scheduled),
        PeerGroup("providers of family medicine in the region north", 212, 90_00, 140_00, 170_00),
    )
    file = EvidenceFile(
        "fil_1",
        "fil_1.pdf",
        "application/pdf",
        1024,
        "b" * 64,
        DAY,
        AT,
        "usr_1",
        "County Bank",
        "ctk_1",
        FileWithdrawal(AT, "usr_2", "Of another provider."),
        (FileAccess(AT, "usr_2"),),
    )
    values: dict[str, Any] = {
        "header": PackHeader("evp_1", "cas_1", "default", AT, AT, "usr_1", "1.0"),
        "referrer": Referrer("Insurer", "Special Investigations Unit", "A. Miller", "siu@insurer.example"),
        "allegation": Allegation(AllegationCategory.FRAUD, "Services billed twice.", ("18 U.S.C. 1347",)),
        "circumstances": Circumstances("H1", "billing twice", "February 2026", "north", "repeated lines", "gain"),
        "subject": PackSubject("provider", "H1", (SubjectIdentifier("npi", "1234567893"),)),
        "detection": PackDetection("score", DAY, "Weekly list of leads."),
        "schedule": ClaimsSchedule(scheduled, totals_of(scheduled)),
        "patterns": (pattern,),
        "actions": (ActionTaken(AT, "education", "usr_1", "Letter about modifier 25."),),
        "loss": LossStatement(288_00, "paid for the claims of the schedule", ""),
        "records": (file,),
        "sample": make_sample(),
        "annex": tuple(make_annex(number) for number in range(1, claims + 1)),
        "limits": ("A score ranks claims; it proves nothing.",),
        "custody": (CustodyAct(1, AT, "usr_1", "case.open"),),
        "sources": {"schedule": "claims, claim_lines"},
    }
    return EvidencePack(**(values | changes))
