"""Members and their plans."""

from api.members.authorizations import UnknownReference, authorization_values, store_authorizations, store_requirements
from api.members.enrollment import EnrollmentReport, enroll
from api.members.identities import (
    IDENTITY_FIELDS,
    KEY_COLUMNS,
    Identity,
    IdentityColumns,
    StoredIdentity,
    encrypted_columns,
    lock_identities,
    open_identity,
    sealed_columns,
    with_key,
)
from api.members.loading import seal_members
from api.members.plans import store_plans
from api.members.repository import StoredMember, lock_member, member, member_revision, open_member
from api.members.tables import AuthorizationRow, MemberRow, PlanAuthorizationRow, PlanRow, PlanTermsRow

__all__ = [
    "IDENTITY_FIELDS",
    "KEY_COLUMNS",
    "AuthorizationRow",
    "EnrollmentReport",
    "Identity",
    "IdentityColumns",
    "MemberRow",
    "PlanAuthorizationRow",
    "PlanRow",
    "PlanTermsRow",
    "StoredIdentity",
    "StoredMember",
    "UnknownReference",
    "authorization_values",
    "encrypted_columns",
    "enroll",
    "lock_identities",
    "lock_member",
    "member",
    "member_revision",
    "open_identity",
    "open_member",
    "seal_members",
    "sealed_columns",
    "store_authorizations",
    "store_plans",
    "store_requirements",
    "with_key",
]
