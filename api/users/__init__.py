"""People who sign in: users, passwords, the second factor, and what slows down guessing."""

from api.users.emergency import EmergencyAccess
from api.users.errors import WeakPassword
from api.users.passwords import PasswordHasher
from api.users.records import (
    EMERGENCY_ROLES,
    SECOND_FACTOR_ROLES,
    SECOND_FACTORS,
    USER_ROLES,
    EmergencyUse,
    User,
    UserState,
    just_after,
)
from api.users.repository import (
    USER_COLUMNS,
    caller_of_actor,
    find_user,
    has_users,
    holder_of_actor,
    sign_out_everywhere,
)
from api.users.responses import UserOut
from api.users.schemas import Login, UserIn
from api.users.service import Users
from api.users.sign_in import REFUSED, SignInAttempt, SignIns, VerifiedUser
from api.users.tables import UserRow

__all__ = [
    "EMERGENCY_ROLES",
    "REFUSED",
    "SECOND_FACTORS",
    "SECOND_FACTOR_ROLES",
    "USER_COLUMNS",
    "USER_ROLES",
    "EmergencyAccess",
    "EmergencyUse",
    "Login",
    "PasswordHasher",
    "SignInAttempt",
    "SignIns",
    "User",
    "UserIn",
    "UserOut",
    "UserRow",
    "UserState",
    "Users",
    "VerifiedUser",
    "WeakPassword",
    "caller_of_actor",
    "find_user",
    "has_users",
    "holder_of_actor",
    "just_after",
    "sign_out_everywhere",
]
