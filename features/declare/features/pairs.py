"""Pairs: this member at this provider, this member and this procedure, this provider and this procedure."""

from functools import partial

from claims.reason_groups import GroupCode
from core.clock import HOUR_US
from features.declare.agreement import (
    ABOVE_AVERAGE,
    LESS_THAN_TYPICAL,
    MORE_THAN_TYPICAL,
    PRESENT,
    UNLIKE_TYPICAL,
    Agreement,
)
from features.declare.arithmetic import flag, ratio, since
from features.declare.feature import Feature, FeatureOverWindows
from features.declare.features._terms import daily_growth, of_window

_Pair = partial(Feature, group=GroupCode.MEMBER_AT_PROVIDER)
_Claims = partial(_Pair, type="integer", unit="count")
_HoursSinceLast = partial(_Pair, type="number", unit="hours", window="ever")
_Practice = partial(Feature, type="number", aggregation_group="provider_procedure", group=GroupCode.PROVIDER_PRACTICE)
_History = partial(_Pair, aggregation_group="member_provider", code="pair_history", window="ever")

_VISITS = (
    "Earlier claims of this member at this provider: {x.member_provider.claims_30d:count} in 30 days, "
    "{x.member_provider.claims_365d:count} in a year"
)

PAIRS: tuple[Feature, ...] = (
    _History(
        name="pair_first_claim",
        type="flag",
        unit="flag",
        meaning="This member was never at this provider before.",
        agrees=PRESENT,
        raises="First claim of this member at this provider",
        compute=lambda x: flag(x.member_provider.last_us == 0),
        high=1.0,
    ),
    _History(
        name="pair_hours_since_last",
        agrees=UNLIKE_TYPICAL,
        type="number",
        unit="hours",
        meaning="Since this member's last claim at this provider; missing for the first.",
        raises=_VISITS + ", the last {value} ago",
        missing="First claim of this member at this provider",
        compute=lambda x: since(x.received_us, x.member_provider.last_us, HOUR_US),
    ),
    *FeatureOverWindows(
        name="pair_claims",
        windows=(365, 30),
        type="integer",
        unit="count",
        aggregation_group="member_provider",
        group=GroupCode.MEMBER_AT_PROVIDER,
        code="pair_history",
        meaning="Claims of this member at this provider.",
        agrees=UNLIKE_TYPICAL,
        raises=_VISITS,
        compute=lambda x, days: of_window(x.member_provider, "claims", days),
    ).features(),
    _Pair(
        name="pair_share_of_member_365d",
        type="number",
        unit="share",
        aggregation_group="member_provider",
        window="365 days",
        meaning="Share of the member's spending that went to this provider.",
        code="pair_concentration",
        agrees=Agreement("above", "above"),
        raises="{value} of this member's spending of the year went to this provider",
        missing="First claim of this member in a year",
        compute=lambda x: ratio(x.member_provider.cents_365d, x.member.cents_365d),
        high=1.0,
    ),
    _Claims(
        name="member_procedure_claims_365d",
        aggregation_group="member_procedure",
        window="365 days",
        meaning="Claims of this procedure for this member, at any provider.",
        code="repeated_procedure",
        agrees=MORE_THAN_TYPICAL,
        raises="{value} earlier {x.claim.procedure_code} of this member in a year",
        compute=lambda x: x.member_procedure.claims_365d,
    ),
    _HoursSinceLast(
        name="member_procedure_hours_since_last",
        aggregation_group="member_procedure",
        meaning="Since this member's last claim of this procedure; missing for the first.",
        code="repeated_procedure_recency",
        agrees=LESS_THAN_TYPICAL,
        raises="Last {x.claim.procedure_code} of this member {value} ago",
        missing="First {x.claim.procedure_code} of this member",
        compute=lambda x: since(x.received_us, x.member_procedure.last_us, HOUR_US),
    ),
    _Claims(
        name="service_claims_30d",
        aggregation_group="service",
        window="30 days",
        meaning="Claims of the same member, provider and procedure.",
        code="repeated_service",
        agrees=MORE_THAN_TYPICAL,
        raises="{value} earlier claim{value:s} of the same member, provider and procedure in 30 days",
        compute=lambda x: x.service.claims_30d,
    ),
    _HoursSinceLast(
        name="service_hours_since_last",
        aggregation_group="service",
        meaning="Since the last claim of the same member, provider and procedure; missing for the first.",
        code="repeated_service_recency",
        agrees=LESS_THAN_TYPICAL,
        raises="The same member, provider and procedure were claimed {value} ago",
        missing="First {x.claim.procedure_code} of this member at this provider",
        compute=lambda x: since(x.received_us, x.service.last_us, HOUR_US),
    ),
    _Pair(
        name="service_amount_to_last",
        type="number",
        unit="ratio",
        aggregation_group="service",
        window="ever",
        meaning="The amount divided by that of the last claim of the same member, provider and procedure.",
        code="service_price",
        agrees=ABOVE_AVERAGE,
        raises="Amount {value} that of the last claim of the same member, provider and procedure",
        missing="First {x.claim.procedure_code} of this member at this provider",
        compute=lambda x: ratio(x.amount_cents, x.service.last_cents),
        monotone=1,
    ),
    _Practice(
        name="provider_procedure_share_365d",
        unit="share",
        window="365 days",
        meaning="Share of the provider's claims, to last midnight, that are of this procedure.",
        code="provider_procedure_mix",
        agrees=UNLIKE_TYPICAL,
        raises="{value} of this provider's claims are {x.claim.procedure_code}",
        missing="First claim of this provider in a year",
        compute=lambda x: ratio(x.provider_procedure.claims_365d, x.provider.claims_365d),
    ),
    _Practice(
        name="provider_procedure_growth_90d",
        unit="ratio",
        window="90 days against 365",
        meaning="The provider's daily claims of this procedure of 90 days divided by those of 365.",
        code="provider_procedure_growth",
        agrees=ABOVE_AVERAGE,
        raises="This provider claims {x.claim.procedure_code} {value} as often in the last 90 days as over the year",
        missing="First {x.claim.procedure_code} of this provider in a year",
        compute=lambda x: daily_growth(x.provider_procedure.claims_90d, 90, x.provider_procedure.claims_365d),
        high=4.06,
    ),
)
