"""The bodies of requests and answers about the people of a tenant."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from app.names import MOST_OF_ADDRESS, plain_email
from app.states import Role
from app.wire_fields import Body, Name

Email = Annotated[str, AfterValidator(plain_email), Field(max_length=MOST_OF_ADDRESS + 20)]
Roles = Annotated[list[Role], Field(min_length=1, max_length=len(Role))]


class NewPersonRequest(Body):
    """POST /v1/people"""

    name: Name
    email: Email = Field(description="What the person signs in with. Nobody else in the installation has it.")
    roles: Roles


class PersonRequest(Body):
    """PATCH /v1/people/{id}: what is left out stays as it is."""

    roles: Roles | None = None
    disabled: bool | None = Field(default=None, description="True ends all sessions and keys of the person at once.")


class Person(Body):
    """A person who uses the service."""

    id: str
    name: str
    email: str
    roles: list[Role]
    state: Literal["invited", "active", "disabled"] = Field(
        description="`invited` as long as no password is set: after the account was made, and after it was reset."
    )
    signs_in_by: Literal["password", "openid"] = Field(
        description="`openid`: at the OpenID provider, whose claims give the roles at each sign-in."
    )
    invited_by: str = Field(description="Who gave the last code that sets the password.")
    code_expires_at: datetime | None = Field(description="Until when that code can be used; null once it was.")
    created_at: datetime
    last_sign_in_at: datetime | None


class InvitedPerson(Person):
    """A person at the one moment when the code that sets their password is told."""

    code: str


class People(Body):
    """All people of a tenant, oldest first."""

    items: list[Person]
