"""Signing in by an identity provider: OpenID Connect, authorization code with PKCE."""

from api.oidc.flow import LIFE, OidcSignIns, StartedSignIn
from api.oidc.links import IdentityLinks
from api.oidc.provider import OidcClient
from api.oidc.repository import user_of
from api.oidc.tables import UserIdentityRow

__all__ = ["LIFE", "IdentityLinks", "OidcClient", "OidcSignIns", "StartedSignIn", "UserIdentityRow", "user_of"]
