"""The network: with whom a provider shares its members, and what became known of those."""

from functools import partial

from claims.reason_groups import GroupCode
from core.clock import DAY_US
from features.declare.agreement import MORE_THAN_TYPICAL, SOME_RATHER_THAN_NONE, UNLIKE_TYPICAL, more_than
from features.declare.arithmetic import maximum, ratio, where
from features.declare.feature import Feature

YEAR_US = 365.0 * DAY_US

_Net = partial(
    Feature,
    type="integer",
    unit="count",
    aggregation_group="provider_network",
    window="365 days, weekly",
    group=GroupCode.NETWORK,
    missing="The network of this provider is not known yet",
)
_SHARED = (
    "Shares {x.provider_network.shared_with_confirmed:count} member{x.provider_network.shared_with_confirmed:s} with "
)
_CONFIRMED_PATH = (
    _SHARED + "{x.provider_network.neighbours_confirmed:count} provider{x.provider_network.neighbours_confirmed:s} "
    "on record for fraud, the latest in {x.provider_network.last_confirmed_us:month}"
)
_NO_PATH = "No provider it shares members with is on record for fraud"
_COMMUNITY = (
    "{x.provider_network.community_confirmed:count} other{x.provider_network.community_confirmed:s} in its community "
    "of {x.provider_network.community_size:count} {x.provider_network.community_confirmed:have} a record of fraud"
)
_CLEAN_COMMUNITY = (
    "No other provider in its community of {x.provider_network.community_size:count} has a record of fraud"
)

NETWORK: tuple[Feature, ...] = (
    _Net(
        name="network_degree",
        meaning="Providers with whom it shares more members than chance would have.",
        code="network_size",
        agrees=UNLIKE_TYPICAL,
        raises="This provider shares members with {value} other{value:s}",
        compute=lambda x: x.provider_network.degree,
    ),
    _Net(
        name="network_shared_members",
        meaning="Members shared with those, counted once for each of them.",
        code="network_shared_members",
        agrees=UNLIKE_TYPICAL,
        raises="This provider's ties to others come to {value} shared member{value:s}",
        compute=lambda x: x.provider_network.shared_members,
    ),
    _Net(
        name="network_strongest_tie",
        meaning="Members shared with the provider it shares most with.",
        code="network_tie",
        agrees=MORE_THAN_TYPICAL,
        raises="{value} member{value:s} shared with one other provider",
        lowers="No more than {value} member{value:s} shared with one other provider",
        compute=lambda x: x.provider_network.strongest_tie,
    ),
    _Net(
        name="network_tie_share",
        type="number",
        unit="share",
        meaning="Strongest tie divided by the members shared at all.",
        code="network_tie_share",
        agrees=MORE_THAN_TYPICAL,
        raises="{value} of this provider's shared members are shared with one other provider",
        missing="This provider shares no members with others",
        compute=lambda x: ratio(x.provider_network.strongest_tie, x.provider_network.shared_members),
        high=1.0,
    ),
    _Net(
        name="network_community_size",
        meaning="Providers in the community it belongs to.",
        code="network_community",
        agrees=UNLIKE_TYPICAL,
        raises="Belongs to a community of {value} provider{value:s}",
        compute=lambda x: x.provider_network.community_size,
    ),
    _Net(
        name="network_community_confirmed_share",
        type="number",
        unit="share",
        meaning="Share of its community, itself left out, on record for fraud.",
        code="network_community_confirmed",
        agrees=more_than(0.0, 1e-9),
        raises=_COMMUNITY,
        lowers=_CLEAN_COMMUNITY,
        missing="This provider belongs to no community",
        compute=lambda x: ratio(x.provider_network.community_confirmed, x.provider_network.community_size - 1.0),
        high=1.0,
        monotone=1,
    ),
    _Net(
        name="network_confirmed_neighbours",
        meaning="Providers it shares members with that are on record for fraud.",
        code="network_confirmed",
        agrees=SOME_RATHER_THAN_NONE,
        raises=_CONFIRMED_PATH,
        lowers=_NO_PATH,
        compute=lambda x: x.provider_network.neighbours_confirmed,
        monotone=1,
    ),
    _Net(
        name="network_shared_with_confirmed",
        meaning="Members shared with those, counted once for each of them.",
        code="network_confirmed",
        agrees=SOME_RATHER_THAN_NONE,
        raises=_CONFIRMED_PATH,
        lowers=_NO_PATH,
        compute=lambda x: x.provider_network.shared_with_confirmed,
        monotone=1,
    ),
    _Net(
        name="network_confirmed_recency",
        type="number",
        unit="share",
        meaning="How recent the latest confirmation at a provider it shares members with is: 1 today, one half after a "
        "year, 0 where there is none.",
        code="network_confirmed",
        agrees=more_than(0.0, 1e-9),
        raises=_CONFIRMED_PATH,
        lowers=_NO_PATH,
        compute=lambda x: where(
            x.provider_network.last_confirmed_us > 0,
            YEAR_US / (YEAR_US + maximum(x.received_us - x.provider_network.last_confirmed_us, 0.0)),
            0.0,
        ),
        high=1.0,
        monotone=1,
    ),
)
