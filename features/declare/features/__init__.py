"""Every feature, in the order of the vector; one file per family.

The meaning of a feature never changes: a new meaning gets a new name.
"""

from features.declare.feature import Feature
from features.declare.features.claim import CLAIM
from features.declare.features.confirmed import CONFIRMED
from features.declare.features.member import MEMBER
from features.declare.features.network import NETWORK
from features.declare.features.pairs import PAIRS
from features.declare.features.peers import PEERS
from features.declare.features.plausibility import PLAUSIBILITY
from features.declare.features.provider import PROVIDER
from features.declare.features.quality import QUALITY

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
