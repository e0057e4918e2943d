"""Confirmed fraud: labels known before the claim's day, from dispositions or a loaded data set.

Only fraud is counted. A label that a claim was not fraud may come from a data set whose claims were never investigated,
so it does not indicate an investigation; and a claim without a label is not known to be legitimate.
"""

from functools import partial

from claims.reason_groups import GroupCode
from features.declare.agreement import SOME_RATHER_THAN_NONE, more_than
from features.declare.arithmetic import ratio
from features.declare.feature import Feature

PRIOR_CLAIMS = 9.0
"""Smoothing: as if nine more claims had been received."""

_Known = partial(Feature, type="integer", unit="count", agrees=SOME_RATHER_THAN_NONE)
_OfProvider = partial(_Known, aggregation_group="provider", group=GroupCode.PROVIDER_RECORD, code="provider_confirmed")

_PROVIDER_RECORD = (
    "{x.provider.confirmed_ever:count} claim{x.provider.confirmed_ever:s} of this provider "
    "{x.provider.confirmed_ever:were} recorded as fraud ({x.provider.confirmed_365d:count} in the last year)"
)

CONFIRMED: tuple[Feature, ...] = (
    _OfProvider(
        name="provider_confirmed_365d",
        window="365 days",
        meaning="Claims of the provider that are recorded as fraud, by the day on which that became known.",
        raises=_PROVIDER_RECORD,
        lowers="No claim of this provider was recorded as fraud in the last year",
        compute=lambda x: x.provider.confirmed_365d,
        monotone=1,
    ),
    _OfProvider(
        name="provider_confirmed_ever",
        window="ever",
        meaning="Claims of the provider that are recorded as fraud, whenever that became known.",
        raises=_PROVIDER_RECORD,
        lowers="No claim of this provider was ever recorded as fraud",
        compute=lambda x: x.provider.confirmed_ever,
        monotone=1,
    ),
    _OfProvider(
        name="provider_confirmed_per_claim_365d",
        type="number",
        unit="ratio",
        agrees=more_than(0.0, 1e-9),
        window="365 days",
        meaning="Claims of the provider that are recorded as fraud divided by its claims and nine more.",
        raises=_PROVIDER_RECORD,
        lowers="No claim of this provider was recorded as fraud in the last year",
        compute=lambda x: ratio(x.provider.confirmed_365d, x.provider.claims_365d + PRIOR_CLAIMS),
        monotone=1,
    ),
    _Known(
        name="member_confirmed_ever",
        aggregation_group="member",
        group=GroupCode.MEMBER_RECORD,
        code="member_confirmed",
        window="ever",
        meaning="Claims of the member that are recorded as fraud.",
        raises="{value} claim{value:s} of this member {value:were} recorded as fraud",
        lowers="No claim of this member was ever recorded as fraud",
        compute=lambda x: x.member.confirmed_ever,
        monotone=1,
    ),
)
