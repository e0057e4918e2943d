"""Sessions of users: access tokens, refresh tokens and the keys that sign them."""

from api.tokens.access import AccessTokens, is_access_token
from api.tokens.records import RECENT, SessionKind, SignedInCaller, TokenFamily, TokenPair, UserSession
from api.tokens.repository import goes_on, prove_again
from api.tokens.service import Sessions, begin_session
from api.tokens.signing_keys import SigningKeys
from api.tokens.tables import TokenFamilyRow

__all__ = [
    "RECENT",
    "AccessTokens",
    "SessionKind",
    "Sessions",
    "SignedInCaller",
    "SigningKeys",
    "TokenFamily",
    "TokenFamilyRow",
    "TokenPair",
    "UserSession",
    "begin_session",
    "goes_on",
    "is_access_token",
    "prove_again",
]
