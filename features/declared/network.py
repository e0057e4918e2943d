"""The network: with whom a provider shares its members, and what became known of those."""

from functools import partial

from features.feature import Feature
from features.ops import ratio, since

_Net = partial(
    Feature,
    type="integer",
    unit="count",
    entity="provider_network",
    window="365 days, weekly",
    group="network",
    missing="The network of this provider is not known yet",
)
_CONFIRMED_PATH = (
    "Shares {x.provider_network.shared_with_confirmed:count} members with "
    "{x.provider_network.neighbours_confirmed:count} providers with confirmed fraud, "
    "the latest in {x.provider_network.last_confirmed_us:month}"
)
_NO_PATH = "Shares {x.provider_network.shared_with_confirmed:count} members with providers with confirmed fraud"

NETWORK: tuple[Feature, ...] = (
    _Net(
        name="network_degree",
        meaning="Providers with whom it shares more members than chance would have.",
        code="network_size",
        raises="This provider shares members with {value} others",
        lowers="This provider shares members with {value} others",
        compute=lambda x: x.provider_network.degree,
    ),
    _Net(
        name="network_shared_members",
        meaning="Members shared with those, counted once for each of them.",
        code="network_size",
        raises="This provider's ties to others come to {value} shared members",
        lowers="This provider's ties to others come to {value} shared members",
        compute=lambda x: x.provider_network.shared_members,
    ),
    _Net(
        name="network_strongest_tie",
        meaning="Members shared with the provider it shares most with.",
        code="network_tie",
        raises="{value} members shared with one other provider",
        lowers="No more than {value} members shared with one other provider",
        compute=lambda x: x.provider_network.strongest_tie,
    ),
    _Net(
        name="network_tie_share",
        type="number",
        unit="share",
        meaning="Strongest tie divided by the members shared at all.",
        code="network_tie",
        raises="{value} of this provider's shared members are shared with one other provider",
        lowers="{value} of this provider's shared members are shared with one other provider",
        missing="This provider shares no members with others",
        compute=lambda x: ratio(x.provider_network.strongest_tie, x.provider_network.shared_members),
        high=1.0,
    ),
    _Net(
        name="network_community_size",
        meaning="Providers in the community it belongs to.",
        code="network_community",
        raises="Belongs to a community of {value} providers",
        lowers="Belongs to a community of {value} providers",
        compute=lambda x: x.provider_network.community_size,
    ),
    _Net(
        name="network_community_confirmed_share",
        type="number",
        unit="share",
        meaning="Share of its community, itself left out, with confirmed fraud.",
        code="network_community",
        raises="{x.provider_network.community_confirmed:count} of the {x.provider_network.community_size:count} "
        "providers of its community have confirmed fraud",
        lowers="{x.provider_network.community_confirmed:count} of the {x.provider_network.community_size:count} "
        "providers of its community have confirmed fraud",
        missing="This provider belongs to no community",
        compute=lambda x: ratio(x.provider_network.community_confirmed, x.provider_network.community_size - 1.0),
        high=1.0,
    ),
    _Net(
        name="network_confirmed_neighbours",
        meaning="Providers it shares members with that have confirmed fraud.",
        code="network_confirmed",
        raises=_CONFIRMED_PATH,
        lowers=_NO_PATH,
        compute=lambda x: x.provider_network.neighbours_confirmed,
    ),
    _Net(
        name="network_shared_with_confirmed",
        meaning="Members shared with those, counted once for each of them.",
        code="network_confirmed",
        raises=_CONFIRMED_PATH,
        lowers=_NO_PATH,
        compute=lambda x: x.provider_network.shared_with_confirmed,
    ),
    _Net(
        name="network_days_since_confirmed",
        type="number",
        unit="days",
        meaning="Since the latest confirmation at a provider it shares members with; missing where there is none.",
        code="network_confirmed",
        raises=_CONFIRMED_PATH,
        lowers=_CONFIRMED_PATH,
        missing="No confirmed fraud among the providers it shares members with",
        compute=lambda x: since(x.received_us, x.provider_network.last_confirmed_us, 86_400_000_000.0),
    ),
)
