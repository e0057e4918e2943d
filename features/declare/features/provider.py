"""The provider: how much it bills, how fast that grows, and what fits into a day."""

from functools import partial

from claims.reason_groups import GroupCode
from core.clock import DAY_US, HOUR_US
from features.declare.agreement import DEARER_THAN_AVERAGE, LESS_THAN_TYPICAL, MORE_THAN_TYPICAL, UNLIKE_TYPICAL
from features.declare.arithmetic import maximum, ratio, since
from features.declare.feature import Feature
from features.declare.features._terms import mean_cents

_Of = partial(Feature, entity="provider", group=GroupCode.PROVIDER_VOLUME)
_Practice = partial(Feature, entity="provider", group=GroupCode.PROVIDER_PRACTICE)
_Claims = partial(_Of, type="integer", unit="count", agrees=UNLIKE_TYPICAL)
_Day = partial(Feature, entity="provider_day", window="the day of service", group=GroupCode.TIMING, type="integer")


def _window(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"


def _span(days: int) -> str:
    """Whole days and today, in words."""
    return "since yesterday" if days == 1 else f"in {days} days"


def _claims(days: int) -> Feature:
    said = f"{{value}} claim{{value:s}} of this provider {_span(days)}"
    return _Claims(
        name=f"provider_claims_{days}d",
        code="provider_claims",
        series="Claims of this provider",
        window=_window(days),
        meaning=f"Claims of the provider in the last {days} whole days and today.",
        raises=said,
        lowers=said,
        compute=lambda x: getattr(x.provider, f"claims_{days}d"),
    )


def _amount(days: int) -> Feature:
    said = f"This provider claimed {{value}} {_span(days)}"
    return _Of(
        name=f"provider_amount_{days}d",
        type="number",
        unit="currency",
        window=_window(days),
        meaning="The sum of the provider's claims.",
        code="provider_amount",
        series="Amounts claimed by this provider",
        agrees=UNLIKE_TYPICAL,
        raises=said,
        lowers=said,
        compute=lambda x: getattr(x.provider, f"cents_{days}d") / 100.0,
    )


def _members(days: int) -> Feature:
    said = f"{{value}} member{{value:s}} of this provider {_span(days)}, voided claims included"
    return _Of(
        name=f"provider_members_{days}d",
        type="integer",
        unit="count",
        window=_window(days),
        meaning="Different members of the provider, those of voided claims included.",
        code="provider_members",
        series="Members of this provider, voided claims included,",
        agrees=UNLIKE_TYPICAL,
        raises=said,
        lowers=said,
        compute=lambda x: getattr(x.provider, f"members_{days}d"),
    )


PROVIDER: tuple[Feature, ...] = (
    *(_claims(days) for days in (1, 7, 30, 90, 365)),
    _Practice(
        name="provider_mean_amount",
        type="number",
        unit="currency",
        window="365 days",
        meaning="The provider's average claim.",
        code="provider_mean_amount",
        agrees=MORE_THAN_TYPICAL,
        raises="This provider's average claim is {value}",
        lowers="This provider's average claim is {value}",
        missing="First claim of this provider in a year",
        compute=lambda x: mean_cents(x.provider) / 100.0,
    ),
    _Practice(
        name="provider_mean_amount_growth",
        type="number",
        unit="ratio",
        window="30 days against 365",
        meaning="The provider's average claim of 30 days divided by that of 365.",
        code="provider_mean_amount_growth",
        agrees=DEARER_THAN_AVERAGE,
        raises="This provider's average claim of the last month is {value} that of the year",
        lowers="This provider's average claim of the last month is {value} that of the year",
        missing="No claim of this provider in a month",
        compute=lambda x: ratio(ratio(x.provider.cents_30d, x.provider.claims_30d), mean_cents(x.provider)),
    ),
    *(_amount(days) for days in (1, 7, 30, 90, 365)),
    _Of(
        name="provider_amount_growth_90d",
        type="number",
        unit="ratio",
        window="90 days against 365",
        meaning="The provider's daily billing of 90 days divided by that of 365.",
        code="provider_growth",
        agrees=DEARER_THAN_AVERAGE,
        raises="This provider bills {value} as much a day in the last 90 days as over the year",
        lowers="This provider bills {value} as much a day in the last 90 days as over the year",
        compute=lambda x: ratio(x.provider.cents_90d * 365.0, x.provider.cents_365d * 90.0),
        high=4.06,
    ),
    _Of(
        name="provider_growth_quarter",
        type="number",
        unit="ratio",
        window="90 days against the 90 before",
        meaning="The provider's claims of 90 days divided by those of the 90 days before.",
        code="provider_growth_quarter",
        agrees=DEARER_THAN_AVERAGE,
        raises="This provider has {value} the claims of the quarter before",
        lowers="This provider has {value} the claims of the quarter before",
        missing="This provider has no claims in the quarter before the last",
        compute=lambda x: ratio(x.provider.claims_90d, x.provider.claims_180d - x.provider.claims_90d),
    ),
    *(_members(days) for days in (1, 7, 30, 90, 365)),
    _Practice(
        name="provider_claims_per_member_90d",
        type="number",
        unit="count",
        window="90 days",
        meaning="Claims of the provider divided by its members; members of voided claims counted.",
        code="provider_claims_per_member",
        agrees=MORE_THAN_TYPICAL,
        raises="{value} claim{value:s} for each member of this provider in 90 days",
        lowers="{value} claim{value:s} for each member of this provider in 90 days",
        compute=lambda x: ratio(x.provider.claims_90d, x.provider.members_90d),
    ),
    _Practice(
        name="provider_new_member_share_90d",
        type="number",
        unit="share",
        window="90 days",
        meaning="Share of the provider's members who came to it for the first time, voided claims counted.",
        code="provider_new_members",
        agrees=UNLIKE_TYPICAL,
        raises="{value} of this provider's members of the quarter are new to it, voided claims included",
        lowers="{value} of this provider's members of the quarter are new to it, voided claims included",
        compute=lambda x: ratio(x.provider.new_members_90d, x.provider.members_90d),
        high=1.0,
    ),
    _Of(
        name="provider_claims_per_active_day_90d",
        type="number",
        unit="count",
        window="90 days",
        meaning="Claims of the provider on a day on which it claims; days of voided claims counted.",
        code="provider_pace",
        agrees=MORE_THAN_TYPICAL,
        raises="{value} claim{value:s} of this provider on an active day",
        lowers="{value} claim{value:s} of this provider on an active day",
        compute=lambda x: ratio(x.provider.claims_90d, x.provider.active_days_90d),
    ),
    _Of(
        name="provider_busiest_day_90d",
        type="integer",
        unit="count",
        window="90 days",
        meaning="The most claims of the provider received on one day, voided claims counted.",
        code="provider_busiest_day",
        agrees=MORE_THAN_TYPICAL,
        raises="Up to {value} claim{value:s} of this provider received in one day, voided ones included",
        lowers="No more than {value} claim{value:s} of this provider received in one day, voided ones included",
        compute=lambda x: x.provider.busiest_day_90d,
    ),
    _Of(
        name="provider_active_days_30d",
        type="integer",
        unit="days",
        window="30 days",
        meaning="Days on which the provider claimed, voided claims counted.",
        code="provider_active_days",
        agrees=UNLIKE_TYPICAL,
        raises="This provider claimed on {value} of the last month, voided claims included",
        lowers="This provider claimed on {value} of the last month, voided claims included",
        compute=lambda x: x.provider.active_days_30d,
        high=31.0,
    ),
    _Practice(
        name="provider_top_procedure_share_90d",
        type="number",
        unit="share",
        window="90 days",
        meaning="Share of the provider's claims, to last midnight, that are of its most frequent procedure.",
        code="provider_mix",
        agrees=UNLIKE_TYPICAL,
        raises="{value} of this provider's claims are of one procedure",
        lowers="{value} of this provider's claims are of one procedure",
        compute=lambda x: ratio(
            x.provider.top_procedure_90d, maximum(x.provider.claims_90d, x.provider.top_procedure_90d)
        ),
        high=1.0,
    ),
    _Practice(
        name="provider_weekend_share_90d",
        type="number",
        unit="share",
        window="90 days",
        meaning="Share of the provider's claims with service at a weekend.",
        code="provider_weekends",
        agrees=MORE_THAN_TYPICAL,
        raises="{value} of this provider's claims are for weekend services",
        lowers="{value} of this provider's claims are for weekend services",
        compute=lambda x: ratio(x.provider.weekend_90d, x.provider.claims_90d),
        high=1.0,
    ),
    _Of(
        name="provider_age_days",
        type="number",
        unit="days",
        window="ever",
        meaning="Since the provider's first claim; missing for the first.",
        code="provider_age",
        agrees=LESS_THAN_TYPICAL,
        raises="This provider's first claim was {value} ago",
        lowers="This provider's first claim was {value} ago",
        missing="First claim ever of this provider",
        compute=lambda x: since(x.received_us, x.provider.first_us, DAY_US),
    ),
    _Of(
        name="provider_hours_since_last",
        type="number",
        unit="hours",
        window="ever",
        meaning="Since the provider's last claim; missing for the first.",
        code="provider_recency",
        agrees=UNLIKE_TYPICAL,
        raises="This provider's last claim was {value} ago",
        lowers="This provider's last claim was {value} ago",
        missing="First claim ever of this provider",
        compute=lambda x: since(x.received_us, x.provider.last_us, HOUR_US),
    ),
    _Day(
        name="provider_day_claims",
        unit="count",
        meaning="Claims so far for services of this provider on the same day of service.",
        code="provider_day_claims",
        agrees=MORE_THAN_TYPICAL,
        raises="{value} earlier claim{value:s} of this provider for the same day of service",
        lowers="{value} earlier claim{value:s} of this provider for the same day of service",
        compute=lambda x: x.provider_day.claims,
    ),
    _Day(
        name="provider_day_units",
        unit="units",
        meaning="Units so far for services of this provider on the same day of service, this claim's with them.",
        code="provider_day_units",
        agrees=MORE_THAN_TYPICAL,
        raises="{value} of this provider for one day of service",
        lowers="{value} of this provider for one day of service",
        compute=lambda x: x.provider_day.units + x.units,
        monotone=1,
    ),
    _Day(
        name="provider_day_members",
        unit="count",
        meaning="Different members so far with services of this provider on the same day, voided claims counted.",
        code="provider_day_members",
        agrees=MORE_THAN_TYPICAL,
        raises="{value} member{value:s} so far with this provider on the same day of service, voided claims included",
        lowers="{value} member{value:s} so far with this provider on the same day of service, voided claims included",
        compute=lambda x: x.provider_day.members,
    ),
)
