"""What the weekly job finds out about a provider's place among the others (`features/offline/network.py`).

Two providers share a member who claimed at both within 14 days; they are tied when they share more than chance has it.
"""

PROVIDER_NETWORK_FIELDS: dict[str, str] = {
    "degree": "Providers it is tied to.",
    "shared_members": "Members shared with them, counted once for each tie.",
    "strongest_tie": "Members shared with the provider it shares most with.",
    "community_size": "Providers in its community, itself counted.",
    "community_confirmed": "Other providers of its community with a claim confirmed as fraud in the year before.",
    "neighbours_confirmed": "Of the providers it is tied to, those with a claim confirmed as fraud in the year before.",
    "shared_with_confirmed": "Members shared with those, counted once for each tie.",
    "last_confirmed_us": "The day the latest of those confirmations became known, in microseconds; 0: none.",
}
"""Field of the `provider_network` view → meaning. Its key is `provider_id`; a row holds for three weeks."""
