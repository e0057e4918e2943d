"""Whose rows the database shows to a caller."""

from api.database import NO_ROWS, RowAccess
from api.identity.roles import Caller


def row_access(caller: Caller) -> RowAccess:
    """What the transactions of a caller state: everything, or its provider or member.

    Nothing where its role is not bound as declared.
    """
    if not caller.is_bound_as_declared:
        return NO_ROWS
    is_bound = caller.provider_id is not None or caller.member_id is not None
    return RowAccess(
        sees_all=not is_bound,
        provider_id=caller.provider_id,
        member_id=caller.member_id,
        actor_id=caller.actor_id,
    )
