"""Who an ID token speaks of, as the operator's mapping has it. Where the mapping gives nothing, nobody comes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.names import plain_email, plain_name
from app.openid.config import OpenIdConfig
from app.openid.errors import SignInError
from app.states import Role

NAMES = ("name", "preferred_username", "email")
MOST_OF_SUBJECT = 255
"""OpenID Connect Core 1.0 §2."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """A person at the door. `issuer` and `subject` say who it is; everything else may change."""

    issuer: str
    subject: str
    name: str
    email: str
    tenant: str
    """Id or name of the tenant; empty where the claims give none."""
    roles: frozenset[Role]
    """Empty where the claims give none."""


def arrival_of(config: OpenIdConfig, claims: Mapping[str, object]) -> Arrival:
    """Who has come. Raises SignInError where subject, name or address cannot be."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MOST_OF_SUBJECT or not _is_plain(subject):
        raise SignInError("subject", "expected a subject of 1 to 255 ASCII characters in the ID token, got none")
    verified = claims.get("email_verified")
    said = verified is True or verified == "true"  # some providers write it as text
    if not (config.verifies_email if verified is None else said):
        raise SignInError(
            "email_not_verified",
            "expected an e-mail address of which your provider says that it has verified it, got another one: ask an "
            "administrator of your provider, or whoever runs this service whether the provider verifies all addresses",
        )
    try:
        name = plain_name(next(str(claims[each]) for each in NAMES if claims.get(each)))
        email = plain_email(str(claims.get("email", "")))
    except (StopIteration, ValueError):
        raise SignInError(
            "name_or_email", "expected a name and an e-mail address in the ID token that accounts here can have"
        ) from None
    given = [config.roles[value] for value in _values(claims, config.roles_claim) if value in config.roles]
    return Arrival(
        issuer=config.issuer,
        subject=subject,
        name=name,
        email=email,
        tenant=config.tenant or _tenant(config, claims),
        roles=frozenset[Role]().union(*given),
    )


def _tenant(config: OpenIdConfig, claims: Mapping[str, object]) -> str:
    """The one tenant that the claim gives; nothing where it gives none, or several."""
    named = {config.tenants[value] for value in _values(claims, config.tenant_claim) if value in config.tenants}
    return named.pop() if len(named) == 1 else ""


def _values(claims: Mapping[str, object], name: str) -> list[str]:
    """The texts of a claim: one, or a list. `a.b` is also the claim b within a, where no claim is called so."""
    found: object = claims.get(name)
    if found is None:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    return [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, str)]


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()
