"""Administrators of the stage, who sign what must be signed: the nonce of a signature is a crash point as well."""

from api.database import Database
from api.identity import Caller, Scope, create_key
from api.request_signing import RequestSigner, RequestSigningKeys, SigningKeyRequest
from core.signing import new_key


async def signing_admin(database: Database, name: str) -> tuple[str, str]:
    """The secret of a new API key of role `admin`, and the private key in PEM that is registered for it."""
    api_key_id, secret = await create_key(database, name=name, role="admin")
    private = new_key()
    operator = Caller("command line", "operator", None, name)
    public = RequestSigner(private).public_pem
    await RequestSigningKeys(database).create(
        operator, SigningKeyRequest(api_key_id, public, name), may_give=frozenset(Scope)
    )
    return secret, private
