"""Responses about users."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from api.fields import InstantOut
from api.users.records import User
from api.users.schemas import UserRole


class UserOut(BaseModel):
    """A user."""

    model_config = ConfigDict(from_attributes=True)

    user_id: str
    login: str = Field(description="E-mail address.")
    display_name: str
    role: UserRole
    provider_id: str | None
    member_id: str | None
    state: Literal["active", "disabled"]
    must_change_password: bool = Field(description="Somebody else chose the password; it is changed before a sign-in.")
    second_factor_at: InstantOut | None = Field(description="When the second factor was set up; null: there is none.")
    created_at: InstantOut
    updated_at: InstantOut
    disabled_at: InstantOut | None
    emergency_role: str | None = Field(None, description="Role of emergency access until `emergency_until`.")
    emergency_until: InstantOut | None = Field(None, description="It ends by itself; null: there was none.")


class UserPasswordOut(UserOut):
    """A user with a password for the first sign-in, which is not shown again."""

    password: str = Field(description="Give it to the user, who changes it before the first sign-in. It is shown once.")

    @classmethod
    def with_password(cls, user: User, password: str) -> Self:
        """A user and the new password in clear."""
        return cls(**UserOut.model_validate(user).model_dump(), password=password)


class UserPage(BaseModel):
    """A part of the users, the oldest first."""

    users: list[UserOut]
    next_cursor: str | None = Field(description="Sent as `cursor`, gives the next part; null: this was the last.")
