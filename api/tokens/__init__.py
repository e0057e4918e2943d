"""Sessions of users: access tokens, refresh tokens and the keys that sign them."""

from api.tokens.access import AccessTokens, is_access_token
from api.tokens.records import RECENT, SignedInCaller, TokenPair
from api.tokens.service import Sessions
from api.tokens.signing_keys import SigningKeys

__all__ = [
    "RECENT",
    "AccessTokens",
    "Sessions",
    "SignedInCaller",
    "SigningKeys",
    "TokenPair",
    "is_access_token",
]
