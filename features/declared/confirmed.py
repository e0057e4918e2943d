"""What investigators have confirmed or cleared before: only labels known before the claim's day."""

from functools import partial

from features.feature import Feature
from features.ops import ratio

_Known = partial(Feature, type="integer", unit="count", group="confirmed_history")

CONFIRMED: tuple[Feature, ...] = (
    _Known(
        name="provider_confirmed_365d",
        entity="provider",
        window="365 days",
        meaning="Claims of the provider confirmed as fraud, by the day that became known.",
        code="provider_confirmed",
        raises="{value} claim{value:s} of this provider {value:were} confirmed as fraud in a year",
        lowers="{value} claim{value:s} of this provider {value:were} confirmed as fraud in a year",
        compute=lambda x: x.provider.confirmed_365d,
        monotone=1,
    ),
    _Known(
        name="provider_confirmed_ever",
        entity="provider",
        window="ever",
        meaning="Claims of the provider ever confirmed as fraud.",
        code="provider_confirmed",
        raises="{value} claim{value:s} of this provider {value:were} ever confirmed as fraud",
        lowers="{value} claim{value:s} of this provider {value:were} ever confirmed as fraud",
        compute=lambda x: x.provider.confirmed_ever,
        monotone=1,
    ),
    _Known(
        name="provider_confirmed_share_365d",
        type="number",
        unit="share",
        entity="provider",
        window="365 days",
        meaning="Confirmed claims of the provider among those judged either way, smoothed by nine cleared ones.",
        code="provider_confirmed",
        raises="{x.provider.confirmed_365d:count} claim{x.provider.confirmed_365d:s} of this provider "
        "{x.provider.confirmed_365d:were} confirmed as fraud in a year, "
        "{x.provider.cleared_365d:count} cleared",
        lowers="{x.provider.confirmed_365d:count} claim{x.provider.confirmed_365d:s} of this provider "
        "{x.provider.confirmed_365d:were} confirmed as fraud in a year, "
        "{x.provider.cleared_365d:count} cleared",
        compute=lambda x: ratio(x.provider.confirmed_365d, x.provider.confirmed_365d + x.provider.cleared_365d + 9.0),
        high=1.0,
        monotone=1,
    ),
    _Known(
        name="member_confirmed_ever",
        entity="member",
        window="ever",
        meaning="Claims of the member ever confirmed as fraud.",
        code="member_confirmed",
        raises="{value} claim{value:s} of this member {value:were} confirmed as fraud",
        lowers="{value} claim{value:s} of this member {value:were} confirmed as fraud",
        compute=lambda x: x.member.confirmed_ever,
        monotone=1,
    ),
    _Known(
        name="member_cleared_ever",
        entity="member",
        window="ever",
        meaning="Claims of the member ever looked into and cleared.",
        code="member_cleared",
        raises="{value} claim{value:s} of this member {value:were} looked into and cleared",
        lowers="{value} claim{value:s} of this member {value:were} looked into and cleared",
        compute=lambda x: x.member.cleared_ever,
    ),
)
