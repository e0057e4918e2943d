"""The member: how often, where, how long ago, and how much of the benefit is used."""

from functools import partial

from claims.reason_groups import GroupCode
from core.clock import HOUR_US
from features.declare.agreement import ABOVE_AVERAGE, MORE_THAN_TYPICAL, SOME_RATHER_THAN_NONE, UNLIKE_TYPICAL
from features.declare.arithmetic import flag, ratio, since
from features.declare.feature import Feature, FeatureOverWindows
from features.declare.features._terms import daily_growth, of_window

_Of = partial(Feature, aggregation_group="member", group=GroupCode.MEMBER_PATTERN)
_OverWindows = partial(
    FeatureOverWindows,
    aggregation_group="member",
    group=GroupCode.MEMBER_PATTERN,
    type="integer",
    unit="count",
    agrees=UNLIKE_TYPICAL,
)

MEMBER: tuple[Feature, ...] = (
    *_OverWindows(
        name="member_claims",
        windows=(7, 30, 90, 365),
        code="member_claims",
        series="Earlier claims of this member",
        meaning="Claims of the member in the last {days} whole days and today.",
        raises="{value} earlier claim{value:s} of this member in {days} days",
        compute=lambda x, days: of_window(x.member, "claims", days),
    ).features(),
    *_OverWindows(
        name="member_providers",
        windows=(30, 365),
        code="member_providers",
        series="Providers this member went to, voided claims included,",
        meaning="Different providers the member went to, those of voided claims included.",
        raises="This member went to {value} provider{value:s} in {days} days, voided claims included",
        compute=lambda x, days: of_window(x.member, "providers", days),
    ).features(),
    _Of(
        name="member_amount_90d",
        type="number",
        unit="currency",
        window="90 days",
        meaning="The sum of the member's claims.",
        code="member_spending",
        agrees=UNLIKE_TYPICAL,
        raises="This member's claims of 90 days come to {value}",
        compute=lambda x: x.member.cents_90d / 100.0,
    ),
    _Of(
        name="member_spending_growth_30d",
        type="number",
        unit="ratio",
        window="30 days against 365",
        meaning="The member's daily spending of 30 days divided by that of 365.",
        code="member_growth",
        agrees=ABOVE_AVERAGE,
        raises="This member spends {value} as much a day in the last 30 days as over the year",
        missing="First claim of this member in a year",
        compute=lambda x: daily_growth(x.member.cents_30d, 30, x.member.cents_365d),
        high=12.17,
    ),
    _Of(
        name="member_first_claim",
        type="flag",
        unit="flag",
        window="ever",
        meaning="No claim of this member was received before.",
        code="member_recency",
        agrees=SOME_RATHER_THAN_NONE,
        raises="First claim of this member",
        lowers="This member has claimed before",
        compute=lambda x: flag(x.member.last_us == 0),
        high=1.0,
    ),
    _Of(
        name="member_hours_since_last",
        type="number",
        unit="hours",
        window="ever",
        meaning="Since the member's last claim; missing for the first.",
        code="member_recency",
        agrees=UNLIKE_TYPICAL,
        raises="This member's last claim was {value} ago",
        missing="First claim of this member",
        compute=lambda x: since(x.received_us, x.member.last_us, HOUR_US),
    ),
    _Of(
        name="member_benefit_used",
        type="number",
        unit="share",
        window="since 1 January",
        meaning="What the member's claims of the year, this one with them, are of the plan's yearly limit.",
        code="benefit_used",
        group=GroupCode.CLAIM_SIZE,
        agrees=MORE_THAN_TYPICAL,
        raises="With this claim {value} of the year's benefit is claimed",
        compute=lambda x: ratio(x.member.cents_ytd + x.amount_cents, x.benefit_limit_cents),
        monotone=1,
    ),
)
