"""Every feature, in the order of the vector; one family a file.

A feature's meaning never changes: another meaning gets another name.
"""

from features.declared.claim import CLAIM
from features.declared.confirmed import CONFIRMED
from features.declared.member import MEMBER
from features.declared.network import NETWORK
from features.declared.pairs import PAIRS
from features.declared.peers import PEERS
from features.declared.plausibility import PLAUSIBILITY
from features.declared.provider import PROVIDER
from features.declared.quality import QUALITY
from features.feature import Feature

FEATURES: tuple[Feature, ...] = (
    *CLAIM,
    *PEERS,
    *PROVIDER,
    *MEMBER,
    *PAIRS,
    *PLAUSIBILITY,
    *CONFIRMED,
    *NETWORK,
    *QUALITY,
)
