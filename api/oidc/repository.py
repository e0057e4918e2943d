"""Persons of identity providers in the database."""

from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.oidc.tables import UserIdentityRow


async def user_of(connection: AsyncConnection, issuer: str, subject: str) -> str | None:
    """Id of the user that a person is; `None`: of none."""
    statement = select(UserIdentityRow.user_id).where(
        UserIdentityRow.issuer == issuer, UserIdentityRow.subject == subject
    )
    user_id: str | None = (await connection.execute(statement)).scalar_one_or_none()
    return user_id


async def subject_of(connection: AsyncConnection, issuer: str, user_id: str) -> str | None:
    """The person at an issuer that a user is linked with; `None`: with none."""
    statement = select(UserIdentityRow.subject).where(
        UserIdentityRow.issuer == issuer, UserIdentityRow.user_id == user_id
    )
    subject: str | None = (await connection.execute(statement)).scalar_one_or_none()
    return subject


async def add_identity(
    connection: AsyncConnection, *, issuer: str, subject: str, user_id: str, created_at: datetime
) -> None:
    """Store that a person is a user."""
    values = {"issuer": issuer, "subject": subject, "user_id": user_id, "created_at": created_at}
    await connection.execute(insert(UserIdentityRow).values(**values))


async def remove_identity(connection: AsyncConnection, issuer: str, user_id: str) -> None:
    """Remove who a user is at an issuer."""
    await connection.execute(
        delete(UserIdentityRow).where(UserIdentityRow.issuer == issuer, UserIdentityRow.user_id == user_id)
    )
