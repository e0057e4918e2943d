"""What the weekly job finds out about a provider's place among the others (`features/network.py`)."""

PROVIDER_NETWORK_FIELDS: dict[str, str] = {
    "degree": "Providers it shares members with, by ties that count.",
    "shared_members": "Its members who also went to one of those.",
    "strongest_tie": "Members shared with the provider it shares most with.",
    "community_size": "Providers in its community.",
    "community_confirmed": "Providers of its community, itself left out, with a claim confirmed as fraud in the year before.",
    "neighbours_confirmed": "Of the providers it is tied to, those with a claim confirmed as fraud in the year before.",
    "shared_with_confirmed": "Its members who also went to one of those.",
    "last_confirmed_us": "When the latest of those confirmations became known; microseconds since the epoch, 0: none.",
}
"""Field of the `provider_network` view → meaning. Its key is `provider_id`; a row holds for three weeks."""
