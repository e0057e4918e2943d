"""Users, their credentials and recovery codes in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime

from sqlalchemy import delete, exists, func, insert, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.field_keys import USER_LOGIN, FieldKeys
from api.identity import USER_PREFIX, Caller, caller_of_key, holder_of_key
from api.paging import PageCursor
from api.users.records import NO_CREDENTIALS, Credentials, EmergencyUse, User, just_after
from api.users.tables import RecoveryCodeRow, UserRow

USER_COLUMNS = tuple(UserRow.__table__.c[one.name] for one in fields(User))
"""What `User` is read from, in the order of its fields."""
_CREDENTIALS = tuple(UserRow.__table__.c[one.name] for one in fields(Credentials))


_EMERGENCY_USES = text(
    """
    WITH used AS (
        SELECT granted.details ->> 'user_id' AS user_id, granted.details ->> 'user_role' AS role,
               granted.details ->> 'reason' AS reason, granted.name AS granted_by, granted.at AS began_at,
               LEAST((granted.details ->> 'until')::timestamptz, (
                   SELECT min(later.at) FROM audit_log AS later
                   WHERE later.act IN (:begin, :end) AND later.audit_id > granted.audit_id
                     AND later.details ->> 'user_id' = granted.details ->> 'user_id')) AS until
        FROM audit_log AS granted WHERE granted.act = :begin)
    SELECT used.*, (
        SELECT count(*) FROM audit_log AS act
        WHERE act.api_key_id = used.user_id AND act.role = used.role
          AND act.at >= used.began_at AND act.at < used.until)
    FROM used ORDER BY began_at DESC
    """
)


async def add_user(connection: AsyncConnection, keys: FieldKeys, user: User, password_hash: str | None) -> None:
    """Store a new user. Raises what `FieldKeys` raises."""
    values = asdict(user)
    login = str(values.pop("login")).encode()
    newest = await keys.current(USER_LOGIN.purpose)
    values["login_sealed"] = USER_LOGIN.seal(newest, login, user.user_id)
    values["login_index"] = USER_LOGIN.entry(newest, login)
    await connection.execute(insert(UserRow).values(**values, password_hash=password_hash))


async def lock_logins(connection: AsyncConnection) -> None:
    """Let no other transaction add a user until this one ends: under two keys, one login has two entries."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("logins of users"))))


async def user_with_login(connection: AsyncConnection, keys: FieldKeys, login: str) -> User | None:
    """The user of a login in lower case. Raises as `opened` does."""
    entries = await USER_LOGIN.entries(connection, keys, login)
    is_its = or_(UserRow.login_index.in_(entries), UserRow.login == login)
    row = (await connection.execute(select(*USER_COLUMNS).where(is_its))).one_or_none()
    return None if row is None else await opened(keys, User(*row))


async def opened(keys: FieldKeys, user: User) -> User:
    """A user with its login; in place of one whose key is lost it says that.

    Raises `DecryptionError` where it was changed, and what `FieldKeys` raises.
    """
    return replace(user, login=await USER_LOGIN.shown(keys, user.login_sealed, user.login, user.user_id))


async def find_user(connection: AsyncConnection, user_id: str, *, lock: bool = False) -> User | None:
    """A user without its login (`opened`), locked until the transaction ends if asked for; `None` if there is none."""
    statement = select(*USER_COLUMNS).where(UserRow.user_id == user_id)
    row = (await connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return None if row is None else User(*row)


async def credentials_of(connection: AsyncConnection, user_id: str | None) -> Credentials:
    """What a user signs in with; of no user: `NO_CREDENTIALS`, by the same statement."""
    row = (await connection.execute(select(*_CREDENTIALS).where(UserRow.user_id == user_id))).one_or_none()
    return NO_CREDENTIALS if row is None else Credentials(*row)


async def users_after(connection: AsyncConnection, after: PageCursor | None, limit: int) -> list[User]:
    """At most `limit` users after a place, the oldest first, without their logins."""
    statement = select(*USER_COLUMNS).order_by(UserRow.created_at, UserRow.user_id).limit(limit)
    if after is not None:
        statement = statement.where(tuple_(UserRow.created_at, UserRow.user_id) > (after.received_at, after.item_id))
    return [User(*row) for row in await connection.execute(statement)]


async def all_users(connection: AsyncConnection) -> list[User]:
    """Every user, the oldest first, without their logins."""
    statement = select(*USER_COLUMNS).order_by(UserRow.created_at, UserRow.user_id)
    return [User(*row) for row in await connection.execute(statement)]


async def change_user(connection: AsyncConnection, user_id: str, values: Mapping[str, object]) -> None:
    """Change columns of a user."""
    await connection.execute(update(UserRow).where(UserRow.user_id == user_id).values(**values))


async def has_users(connection: AsyncConnection) -> bool:
    """Whether there is any user, disabled or not."""
    return bool((await connection.execute(select(exists(select(UserRow.user_id))))).scalar_one())


async def sign_out_everywhere(connection: AsyncConnection, user_id: str, at: datetime) -> None:
    """End every session of a user."""
    await change_user(connection, user_id, {"signed_out_at": just_after(at)})


async def emergency_uses(connection: AsyncConnection, begin: str, end: str) -> list[EmergencyUse]:
    """Emergency accesses by their rows in the audit log, latest first, and how much was done under each."""
    found = await connection.execute(_EMERGENCY_USES, {"begin": begin, "end": end})
    return [EmergencyUse(*row) for row in found]


async def accept_step(connection: AsyncConnection, user_id: str, step: int) -> bool:
    """Store the time step of a code; false where a code of it or of a later one was accepted meanwhile."""
    statement = (
        update(UserRow)
        .where(UserRow.user_id == user_id, or_(UserRow.totp_step.is_(None), UserRow.totp_step < step))
        .values(totp_step=step)
    )
    return (await connection.execute(statement)).rowcount > 0


async def replace_recovery_codes(
    connection: AsyncConnection, user_id: str, code_hashes: Sequence[bytes], at: datetime
) -> None:
    """Store new recovery codes; those before are no longer valid."""
    await connection.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.user_id == user_id))
    if code_hashes:
        await connection.execute(
            insert(RecoveryCodeRow), [{"user_id": user_id, "code_hash": one, "created_at": at} for one in code_hashes]
        )


async def use_recovery_code(connection: AsyncConnection, user_id: str, code_hash: bytes, at: datetime) -> bool:
    """Use a recovery code, which works once; says whether it is an unused one of the user."""
    statement = (
        update(RecoveryCodeRow)
        .where(
            RecoveryCodeRow.user_id == user_id,
            RecoveryCodeRow.code_hash == code_hash,
            RecoveryCodeRow.used_at.is_(None),
        )
        .values(used_at=at)
    )
    return (await connection.execute(statement)).rowcount > 0


async def caller_of_actor(connection: AsyncConnection, actor_id: str, at: datetime) -> Caller | None:
    """An actor that may act at `at`, a valid key or an active user: for work that follows from an earlier request."""
    if not actor_id.startswith(USER_PREFIX):
        return await caller_of_key(connection, actor_id, at)
    user = await find_user(connection, actor_id)
    return None if user is None or not user.is_active else user.caller


async def holder_of_actor(connection: AsyncConnection, actor_id: str) -> Caller | None:
    """An actor, also a key that has expired or a user who was disabled since: for work that was accepted before."""
    if not actor_id.startswith(USER_PREFIX):
        return await holder_of_key(connection, actor_id)
    user = await find_user(connection, actor_id)
    return None if user is None else user.caller
