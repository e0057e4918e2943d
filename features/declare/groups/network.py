"""What the weekly network job stores of a provider's position among the others (`features/offline/network.py`).

Two providers share a member who has claims at both within 14 days. They are tied when they share more members than
expected by chance.
"""

NETWORK_TTL_DAYS = 21
"""Days for which a weekly row is valid."""

PROVIDER_NETWORK_FIELDS: dict[str, str] = {
    "degree": "Providers it is tied to.",
    "shared_members": "Members shared with them, counted once per tie.",
    "strongest_tie": "Members shared with the provider it shares most with.",
    "community_size": "Providers in its community, itself included.",
    "community_confirmed": "Other providers of its community with a claim confirmed as fraud in the previous year.",
    "neighbours_confirmed": "Providers it is tied to that have a claim confirmed as fraud in the previous year.",
    "shared_with_confirmed": "Members shared with those, counted once per tie.",
    "last_confirmed_us": "The day the latest of those confirmations became known, in microseconds; 0: none.",
}
"""Field of the `provider_network` view → meaning. Its key is `provider_id`."""
