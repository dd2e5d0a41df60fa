"""What the operator says of the OpenID provider: where it is, who we are there, and which claims give what."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from app.config import Settings
from app.openid.errors import OpenIdSettingsError
from app.states import Role

BACK = "/sign-in/openid/back"
"""Where the provider sends the browser back to."""
NEEDED = ("oidc_client_id", "oidc_roles_claim", "oidc_roles", "public_url")
FEWEST_OF_SECRET = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenIdConfig:
    """A provider, and what its claims mean here."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    name: str
    """What people call it."""
    public_url: str
    """Under which address browsers reach this service, without a slash at the end."""
    origins: frozenset[str]
    """Where requests and browsers are sent, and nowhere else: the issuer's own origin, and those that are listed."""
    roles_claim: str
    roles: Mapping[str, frozenset[Role]]
    """Which roles each value of `roles_claim` gives."""
    tenant: str
    """The tenant of everybody, by id or name; empty where a claim says it."""
    tenant_claim: str
    tenants: Mapping[str, str]
    """Which tenant each value of `tenant_claim` gives."""
    verifies_email: bool = False
    """Whether an e-mail address counts as verified of which the ID token does not say whether it is."""

    @property
    def redirect_uri(self) -> str:
        """The address that is registered with the provider."""
        return self.public_url + BACK


def config_of(settings: Settings) -> OpenIdConfig | None:
    """The provider of the settings, or None where none is set. Raises OpenIdSettingsError where it cannot be."""
    if not settings.oidc_issuer:
        stray = [name for name in Settings.model_fields if name.startswith("oidc_") and _is_said(settings, name)]
        if stray:
            raise OpenIdSettingsError(f"expected {_variable('oidc_issuer')} beside {_variable(stray[0])}, got none")
        return None
    for name in NEEDED:
        if not getattr(settings, name):
            raise OpenIdSettingsError(f"expected {_variable(name)} beside {_variable('oidc_issuer')}, got none")
    issuer, public_url = (_address(settings, name) for name in ("oidc_issuer", "public_url"))
    if urlsplit(public_url).path.strip("/"):
        raise OpenIdSettingsError(f"{_variable('public_url')}: expected an address without a path")
    tenants = _mapping(settings, "oidc_tenants", settings.oidc_tenants)
    _require_one_tenant(settings, tenants)
    return OpenIdConfig(
        issuer=issuer,
        client_id=settings.oidc_client_id,
        client_secret=_secret(settings),
        name=settings.oidc_name,
        public_url=public_url.rstrip("/"),
        origins=frozenset({origin_of(issuer), *_origins(settings)}),
        roles_claim=settings.oidc_roles_claim,
        roles={value: _roles(given) for value, given in _mapping(settings, "oidc_roles", settings.oidc_roles).items()},
        tenant=settings.oidc_tenant,
        tenant_claim=settings.oidc_tenant_claim,
        tenants={value: _tenant(given) for value, given in tenants.items()},
        verifies_email=settings.oidc_verifies_email,
    )


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, the port always said. Raises ValueError where it is none that may be asked:
    https, or http of this machine itself, without a user.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(host)):
        raise ValueError("expected an https address")
    if not host or "@" in parts.netloc or not url.isascii() or not url.isprintable():
        raise ValueError("expected an address with a host and without a user")
    return f"{parts.scheme}://{host}:{port}"


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _variable(name: str) -> str:
    return f"LOOKALIKE_{name.upper()}"


def _is_said(settings: Settings, name: str) -> bool:
    return bool(getattr(settings, name) != Settings.model_fields[name].default)


def _address(settings: Settings, name: str) -> str:
    """An address of the settings, as it was written: an issuer is compared to the letter."""
    url = str(getattr(settings, name))
    try:
        origin_of(url)
    except ValueError as error:
        raise OpenIdSettingsError(f"{_variable(name)}: {error}, or http on this machine alone") from error
    if urlsplit(url).query or urlsplit(url).fragment or "?" in url or "#" in url:
        raise OpenIdSettingsError(f"{_variable(name)}: expected an address without query or fragment")
    return url


def _origins(settings: Settings) -> list[str]:
    try:
        return [origin_of(each.strip()) for each in settings.oidc_origins.split(",") if each.strip()]
    except ValueError as error:
        raise OpenIdSettingsError(f"{_variable('oidc_origins')}: {error} in each entry") from error


def _secret(settings: Settings) -> str:
    """The client's secret. What is wrong with it is said without it."""
    said, file = settings.oidc_client_secret, settings.oidc_client_secret_file
    if bool(said) == bool(file):
        names = f"{_variable('oidc_client_secret')} or {_variable('oidc_client_secret_file')}"
        raise OpenIdSettingsError(f"expected one of {names}, got {'both' if said else 'neither'}")
    if file:
        try:
            said = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            wrong = "expected a file of text that can be read"
            raise OpenIdSettingsError(f"{_variable('oidc_client_secret_file')}: {wrong}") from None
    if len(said) < FEWEST_OF_SECRET or not said.isprintable():
        raise OpenIdSettingsError(f"expected a client secret of {FEWEST_OF_SECRET} printable characters or more")
    return said


def _mapping(settings: Settings, name: str, text: str) -> dict[str, object]:
    """A setting that is a JSON object from values of a claim."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or (getattr(settings, name) and not found):
        raise OpenIdSettingsError(f"{_variable(name)}: expected a JSON object with the values of the claim as names")
    return found


def _roles(given: object) -> frozenset[Role]:
    try:
        named = frozenset(Role(each) for each in ([given] if isinstance(given, str) else given))  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        named = frozenset()
    if not named:
        raise OpenIdSettingsError(
            f"{_variable('oidc_roles')}: expected for each value a role, or a list of them, of {', '.join(Role)}"
        )
    return named


def _tenant(given: object) -> str:
    if not isinstance(given, str) or not given:
        raise OpenIdSettingsError(f"{_variable('oidc_tenants')}: expected the id or name of a tenant for each value")
    return given


def _require_one_tenant(settings: Settings, tenants: Mapping[str, object]) -> None:
    """Raises OpenIdSettingsError where it is not said in exactly one way whose tenant people are of."""
    by_claim = bool(settings.oidc_tenant_claim), bool(tenants)
    if bool(settings.oidc_tenant) == by_claim[0] or by_claim[0] != by_claim[1]:
        raise OpenIdSettingsError(
            f"expected either {_variable('oidc_tenant')}, or {_variable('oidc_tenant_claim')} together with "
            f"{_variable('oidc_tenants')}"
        )
