"""The sets of claims that counts on the console's pages count: one table, name → condition.

A set about a claim reproduces what the features counted for it (`features/declare`): the claims received strictly
before it, in a window of whole UTC days and the day itself. A claim that was voided by then is not counted, except
where claims as received are counted: members, days, and the busiest day. Where only whole days are counted, the set
ends at the midnight before the claim. The tests compare each set with the feature of the same name.

A set about a provider or member has what is stored of it now.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class CountedFor(StrEnum):
    """What a set of claims is about."""

    CLAIM = "claim"
    """A claim: those before it."""
    SUBJECT = "subject"
    """A provider, a member, or both."""


@dataclass(frozen=True, slots=True)
class CountedSet:
    """One set. `where` is SQL about `claims AS c`, with the parameters of `api/console/claim/counted_claims.py`."""

    name: str
    title: str
    where: str
    needs: tuple[str, ...] = ()
    """Fields of the claim that must have a value; without one, the set is empty."""
    one_per: str | None = None
    """SQL: the set has the first claim of each value, because values are counted and not claims."""
    about: CountedFor = CountedFor.CLAIM


_PROVIDER = "c.provider_id = :provider_id"
_MEMBER = "c.member_id = :member_id"
_PROCEDURE = "c.procedure_code = :procedure_code"
_SERVICE_DAY = "c.service_from = :service_from"
_REGION = "c.region = :region"
_SPECIALTY = "c.specialty = :specialty"

_UTC_DAY = "(c.received_at AT TIME ZONE 'UTC')::date"
_BEFORE_CLAIM = "c.received_at < :received_at"
_BEFORE_DAY = "c.received_at < :midnight"
_VOIDED = "greatest(c.voided_at, c.received_at)"
_VALID_AT_CLAIM = (
    f"(c.voided_at IS NULL OR {_VOIDED} >= CASE WHEN c.received_at >= :midnight THEN :received_at ELSE :midnight END)"
)
_VALID_AT_DAY = f"(c.voided_at IS NULL OR {_VOIDED} >= :midnight)"
_EVER, _YEAR_TO_DATE = "TRUE", "c.received_at >= :new_year"


def _days(days: int) -> str:
    # Hours: an interval of days would follow the session's time zone.
    return f"c.received_at >= :midnight - interval '{days * 24} hours'"


def _all(*conditions: str) -> str:
    return " AND ".join(condition for condition in conditions if condition != "TRUE")


def _field(condition: str) -> str:
    return condition.rpartition(":")[2]


def _claims(name: str, title: str, window: str, *keys: str, more: str = "TRUE") -> CountedSet:
    """Claims before the claim that were not voided by then."""
    where = _all(*keys, window, _BEFORE_CLAIM, _VALID_AT_CLAIM, more)
    return CountedSet(name, title, where, tuple(map(_field, keys)))


def _claims_to_midnight(name: str, title: str, days: int, *keys: str) -> CountedSet:
    """Claims of whole days that were not voided by midnight."""
    return CountedSet(name, title, _all(*keys, _days(days), _BEFORE_DAY, _VALID_AT_DAY), tuple(map(_field, keys)))


def _received(name: str, title: str, window: str, *keys: str, one_per: str, more: str = "TRUE") -> CountedSet:
    """The first claim of each value of `one_per`, voided claims included."""
    where = _all(*keys, window, _BEFORE_CLAIM, f"{one_per} IS NOT NULL", more)
    return CountedSet(name, title, where, tuple(map(_field, keys)), one_per)


def _received_by(name: str, title: str, days: int, key: str) -> CountedSet:
    """Claims before the claim, voided claims included."""
    title = f"{title} in {days} days, voided ones included"
    return CountedSet(name, title, _all(key, _days(days), _BEFORE_CLAIM), (_field(key),))


def _confirmed(name: str, title: str, window: str, *keys: str) -> CountedSet:
    """Claims whose finding in force at midnight was fraud; it became known in the window."""
    where = f"""{_all(*keys, _BEFORE_DAY)} AND coalesce((
        SELECT latest.is_fraud FROM labels AS latest WHERE latest.claim_id = c.claim_id AND latest.known_at < :midnight
        ORDER BY latest.known_at DESC, latest.is_fraud DESC NULLS LAST LIMIT 1), FALSE)"""
    if window != _EVER:
        where += f""" AND (
        SELECT greatest(min(since.known_at), c.received_at) FROM labels AS since
        WHERE since.claim_id = c.claim_id AND since.is_fraud AND since.known_at < :midnight AND NOT EXISTS (
            SELECT FROM labels AS other WHERE other.claim_id = c.claim_id AND other.is_fraud IS DISTINCT FROM TRUE
            AND other.known_at >= since.known_at AND other.known_at < :midnight)) >= {window}"""
    return CountedSet(name, title, where, tuple(map(_field, keys)))


def _windows(name: str, title: str, windows: Iterable[int], *keys: str) -> list[CountedSet]:
    return [_claims(f"{name}_{days}d", f"{title} {_in(days)}", _days(days), *keys) for days in windows]


def _in(days: int) -> str:
    return "since the midnight one day before" if days == 1 else f"in {days} days"


_BUSIEST = f"""{_UTC_DAY} = (
    SELECT {_UTC_DAY} FROM claims AS c WHERE {_all(_PROVIDER, _days(90), _BEFORE_CLAIM)}
    GROUP BY 1 ORDER BY count(*) DESC, 1 DESC LIMIT 1)"""
_FIRST_EVER = """NOT EXISTS (
    SELECT FROM claims AS earlier WHERE earlier.provider_id = c.provider_id AND earlier.member_id = c.member_id
    AND (earlier.received_at, earlier.claim_id) < (c.received_at, c.claim_id))"""

_OF_CLAIM: tuple[CountedSet, ...] = (
    *_windows("provider_claims", "Claims of this provider", (1, 7, 30, 90, 180, 365), _PROVIDER),
    _claims(
        "provider_weekend_90d",
        "Claims of this provider with service at a weekend, in 90 days",
        _days(90),
        _PROVIDER,
        more="extract(isodow FROM c.service_from) >= 6",
    ),
    *(
        _received(
            f"provider_members_{days}d",
            f"One claim for each member of this provider {_in(days)}",
            _days(days),
            _PROVIDER,
            one_per="c.member_id",
        )
        for days in (1, 7, 30, 90, 365)
    ),
    _received(
        "provider_new_members_90d",
        "The first claim of each member who was new to this provider in 90 days",
        _days(90),
        _PROVIDER,
        one_per="c.member_id",
        more=_FIRST_EVER,
    ),
    _received_by("provider_received_90d", "Claims received of this provider", 90, _PROVIDER),
    _received_by("member_received_365d", "Claims received of this member", 365, _MEMBER),
    CountedSet(
        "provider_busiest_day_90d",
        "Claims of this provider received on its busiest day of 90 days",
        _all(_PROVIDER, _days(90), _BEFORE_CLAIM, _BUSIEST),
        ("provider_id",),
    ),
    *(
        _received(
            f"provider_active_days_{days}d",
            f"The first claim of each day on which this provider claimed, {_in(days)}",
            _days(days),
            _PROVIDER,
            one_per=_UTC_DAY,
        )
        for days in (30, 90)
    ),
    _confirmed(
        "provider_confirmed_365d",
        "Claims of this provider recorded as fraud within 365 days",
        ":midnight - interval '8760 hours'",
        _PROVIDER,
    ),
    _confirmed("provider_confirmed_ever", "Claims of this provider recorded as fraud", _EVER, _PROVIDER),
    _claims(
        "provider_day_claims",
        "Earlier claims of this provider for the same day of service",
        _EVER,
        _PROVIDER,
        _SERVICE_DAY,
    ),
    _received(
        "provider_day_members",
        "One claim for each member with this provider on the same day of service",
        _EVER,
        _PROVIDER,
        _SERVICE_DAY,
        one_per="c.member_id",
    ),
    *(
        _claims_to_midnight(
            f"provider_procedure_claims_{days}d",
            f"Claims of this procedure by this provider in {days} days, to midnight",
            days,
            _PROVIDER,
            _PROCEDURE,
        )
        for days in (90, 365)
    ),
    *_windows("member_claims", "Earlier claims of this member", (7, 30, 90, 365), _MEMBER),
    _claims("member_claims_ytd", "Earlier claims of this member since 1 January", _YEAR_TO_DATE, _MEMBER),
    *(
        _received(
            f"member_providers_{days}d",
            f"One claim for each provider this member went to {_in(days)}",
            _days(days),
            _MEMBER,
            one_per="c.provider_id",
        )
        for days in (30, 365)
    ),
    _confirmed("member_confirmed_ever", "Claims of this member recorded as fraud", _EVER, _MEMBER),
    *_windows("pair_claims", "Earlier claims of this member at this provider", (30, 365), _MEMBER, _PROVIDER),
    _claims(
        "member_procedure_claims_365d",
        "Earlier claims of this procedure for this member in 365 days",
        _days(365),
        _MEMBER,
        _PROCEDURE,
    ),
    _claims(
        "service_claims_30d",
        "Earlier claims of the same member, provider and procedure in 30 days",
        _days(30),
        _MEMBER,
        _PROVIDER,
        _PROCEDURE,
    ),
    *_windows("procedure_claims", "Claims of this procedure", (30, 365), _PROCEDURE),
    _claims_to_midnight(
        "procedure_region_claims_365d",
        "Claims of this procedure in this region in 365 days, to midnight",
        365,
        _PROCEDURE,
        _REGION,
    ),
    _claims_to_midnight(
        "procedure_specialty_claims_365d",
        "Claims of this procedure in this specialty in 365 days, to midnight",
        365,
        _PROCEDURE,
        _SPECIALTY,
    ),
    _claims_to_midnight(
        "procedure_specialty_region_claims_365d",
        "Claims of this procedure in this specialty and region in 365 days, to midnight",
        365,
        _PROCEDURE,
        _SPECIALTY,
        _REGION,
    ),
    _claims_to_midnight(
        "procedure_claims_to_midnight_365d",
        "Claims of this procedure in 365 days, to midnight",
        365,
        _PROCEDURE,
    ),
)

_LATEST_LABEL = """(
    SELECT label.is_fraud FROM labels AS label WHERE label.claim_id = c.claim_id
    ORDER BY label.known_at DESC, label.is_fraud DESC NULLS LAST LIMIT 1)"""
_FLAGGED = """EXISTS (
    SELECT FROM assessments AS latest WHERE latest.claim_id = c.claim_id AND latest.flagged
    AND NOT EXISTS (SELECT FROM assessments AS later WHERE later.supersedes = latest.assessment_id))"""


def _of_subject(name: str, title: str, where: str) -> CountedSet:
    return CountedSet(name, title, where, about=CountedFor.SUBJECT)


_OF_SUBJECT: tuple[CountedSet, ...] = (
    _of_subject("all", "All claims", "TRUE"),
    _of_subject("valid", "Claims that are not voided", "c.voided_at IS NULL"),
    _of_subject("voided", "Voided claims", "c.voided_at IS NOT NULL"),
    _of_subject("in_review", "Claims in review", "c.status = 'in_review'"),
    _of_subject("paid", "Claims that are paid", "c.status IN ('approved', 'partially_approved')"),
    _of_subject("denied", "Denied claims", "c.status = 'denied'"),
    _of_subject("rejected", "Rejected claims", "c.status = 'rejected'"),
    _of_subject("flagged", "Claims flagged by their latest assessment", _FLAGGED),
    _of_subject("confirmed", "Claims recorded as fraud", f"coalesce({_LATEST_LABEL}, FALSE)"),
    _of_subject("cleared", "Claims recorded as no fraud", f"NOT coalesce({_LATEST_LABEL}, TRUE)"),
    _of_subject("weekend", "Claims with service at a weekend", "extract(isodow FROM c.service_from) >= 6"),
    _of_subject(
        "overturned",
        "Claims with a decision that was overturned on appeal",
        "EXISTS (SELECT FROM appeals AS a JOIN appeal_decisions AS d USING (appeal_id) "
        "WHERE a.claim_id = c.claim_id AND d.outcome <> 'upheld')",
    ),
)

COUNTED_SETS: Final[Mapping[str, CountedSet]] = {one.name: one for one in (*_OF_CLAIM, *_OF_SUBJECT)}
"""Every set, by name."""

_YEAR_AND_PROCEDURE = ("provider_procedure_claims_365d", "procedure_claims_365d")

OTHER_COUNTS: Final[Mapping[str, tuple[str, ...]]] = {
    "provider_mean_amount": ("provider_claims_365d",),
    "provider_mean_amount_growth": ("provider_claims_30d", "provider_claims_365d"),
    **{f"provider_amount_{days}d": (f"provider_claims_{days}d",) for days in (1, 7, 30, 90, 365)},
    "provider_amount_growth_90d": ("provider_claims_90d", "provider_claims_365d"),
    "provider_growth_quarter": ("provider_claims_90d", "provider_claims_180d"),
    "provider_claims_per_member_90d": ("provider_claims_90d", "provider_members_90d"),
    "provider_new_member_share_90d": ("provider_new_members_90d", "provider_members_90d"),
    "provider_claims_per_active_day_90d": ("provider_claims_90d", "provider_active_days_90d"),
    "provider_top_procedure_share_90d": ("provider_claims_90d",),
    "provider_weekend_share_90d": ("provider_weekend_90d", "provider_claims_90d"),
    "provider_day_units": ("provider_day_claims",),
    "provider_confirmed_per_claim_365d": ("provider_confirmed_365d", "provider_claims_365d"),
    "provider_procedure_share_365d": ("provider_procedure_claims_365d", "provider_claims_365d"),
    "provider_procedure_growth_90d": ("provider_procedure_claims_90d", "provider_procedure_claims_365d"),
    "member_amount_90d": ("member_claims_90d",),
    "member_spending_growth_30d": ("member_claims_30d", "member_claims_365d"),
    "member_benefit_used": ("member_claims_ytd",),
    "pair_hours_since_last": ("pair_claims_30d", "pair_claims_365d"),
    "pair_share_of_member_365d": ("pair_claims_365d", "member_claims_365d"),
    "member_procedure_hours_since_last": ("member_procedure_claims_365d",),
    "service_hours_since_last": ("service_claims_30d",),
    "service_amount_to_last": ("service_claims_30d",),
    "amount_to_procedure_mean": ("procedure_claims_365d",),
    "amount_score_procedure": ("procedure_claims_365d",),
    "amount_percentile_procedure": ("procedure_claims_365d",),
    "units_to_procedure_mean": ("procedure_claims_365d",),
    "amount_to_region_mean": ("procedure_region_claims_365d",),
    "amount_score_region": ("procedure_region_claims_365d",),
    "amount_percentile_region": ("procedure_region_claims_365d",),
    "amount_to_specialty_mean": ("procedure_specialty_claims_365d",),
    "amount_score_specialty": ("procedure_specialty_claims_365d",),
    "amount_percentile_specialty": ("procedure_specialty_claims_365d",),
    "amount_to_own_mean": ("provider_procedure_claims_365d",),
    "amount_score_own": ("provider_procedure_claims_365d",),
    "amount_percentile_own": ("provider_procedure_claims_365d",),
    "own_price_to_procedure_mean": _YEAR_AND_PROCEDURE,
    "amount_to_provider_mean": ("provider_claims_365d",),
    "amount_to_member_mean": ("member_claims_365d",),
    "procedure_growth_30d": ("procedure_claims_30d", "procedure_claims_365d"),
}
"""Feature that is no count itself → the sets that its value is computed from."""


def sets_behind(feature: str) -> tuple[CountedSet, ...]:
    """The sets of claims that a feature counts, or is computed from; empty where it counts none."""
    names = (feature,) if feature in COUNTED_SETS else OTHER_COUNTS.get(feature, ())
    return tuple(COUNTED_SETS[name] for name in names)
