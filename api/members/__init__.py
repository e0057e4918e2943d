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
from api.members.indexing import MemberIndexKeys, index_unindexed, unindexed_members
from api.members.loading import seal_members
from api.members.plans import store_plans
from api.members.repository import StoredMember, lock_member, member, member_revision, names_of_members, open_member
from api.members.search_index import (
    MEMBER_SEARCH,
    SearchedPerson,
    candidates,
    index_members,
    remove_from_index,
)
from api.members.tables import (
    AuthorizationRow,
    MemberRow,
    MemberSearchRow,
    PlanAuthorizationRow,
    PlanRow,
    PlanTermsRow,
)

__all__ = [
    "IDENTITY_FIELDS",
    "KEY_COLUMNS",
    "MEMBER_SEARCH",
    "AuthorizationRow",
    "EnrollmentReport",
    "Identity",
    "IdentityColumns",
    "MemberIndexKeys",
    "MemberRow",
    "MemberSearchRow",
    "PlanAuthorizationRow",
    "PlanRow",
    "PlanTermsRow",
    "SearchedPerson",
    "StoredIdentity",
    "StoredMember",
    "UnknownReference",
    "authorization_values",
    "candidates",
    "encrypted_columns",
    "enroll",
    "index_members",
    "index_unindexed",
    "lock_identities",
    "lock_member",
    "member",
    "member_revision",
    "names_of_members",
    "open_identity",
    "open_member",
    "remove_from_index",
    "seal_members",
    "sealed_columns",
    "store_authorizations",
    "store_plans",
    "store_requirements",
    "unindexed_members",
    "with_key",
]
