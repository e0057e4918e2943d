"""What administrators say of who is whom: a user and a person at an identity provider."""

import re
from typing import Final

from sqlalchemy.exc import IntegrityError

from api import audit
from api.database import Database, fetch
from api.errors import Conflict, Invalid, NotFound
from api.identity import Caller
from api.oidc import repository
from api.users import User, find_user, sign_out_everywhere
from core import clock

_SUBJECT: Final = re.compile(r"[\x21-\x7e]{1,255}")
"""OpenID Connect Core 1.0, section 2: at most 255 characters of ASCII."""
_LINKED: Final = "this subject is linked with another user; unlink that one first"


class IdentityLinks:
    """The service of links."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def link(self, caller: Caller, user_id: str, issuer: str, subject: str) -> User:
        """Say which person at `issuer` a user is; raises `NotFound`, `Invalid`, `Conflict`."""
        if _SUBJECT.fullmatch(subject) is None:
            raise Invalid.field("subject", "must be 1 to 255 printable characters of ASCII, as `sub` of the provider")
        async with self._database.transaction() as connection:
            user = await find_user(connection, user_id, lock=True)
            if user is None:
                raise NotFound("user not found; check the id")
            at = clock.now()
            if await repository.user_of(connection, issuer, subject) not in (None, user_id):
                raise Conflict(_LINKED)
            before = await repository.subject_of(connection, issuer, user_id)
            if before == subject:
                return user
            if before is not None:
                raise Conflict("the user is linked with another subject of this issuer; unlink it first")
            try:
                await repository.add_identity(
                    connection, issuer=issuer, subject=subject, user_id=user_id, created_at=at
                )
            except IntegrityError:
                raise Conflict(_LINKED) from None  # linked at the same time
            details = {"user_id": user_id, "issuer": issuer}
            await fetch(connection, audit.record(caller, "user.link", None, {**details}, at))
        return user

    async def unlink(self, caller: Caller, user_id: str, issuer: str) -> User:
        """Remove the link of a user with `issuer`, and end the sessions; raises `NotFound`, `Conflict`."""
        async with self._database.transaction() as connection:
            user = await find_user(connection, user_id, lock=True)
            if user is None:
                raise NotFound("user not found; check the id")
            at = clock.now()
            if await repository.subject_of(connection, issuer, user_id) is None:
                raise Conflict("the user is not linked with this issuer")
            await repository.remove_identity(connection, issuer, user_id)
            await sign_out_everywhere(connection, user_id, at)
            details = {"user_id": user_id, "issuer": issuer}
            await fetch(connection, audit.record(caller, "user.unlink", None, {**details}, at))
        return user
