"""Why somebody could not sign in at the provider, and what is wrong with its settings."""

from __future__ import annotations

from app.errors import ServiceError


class OpenIdSettingsError(ValueError):
    """Settings of the provider that cannot be, with the variable to change."""


class SignInError(ServiceError):
    """Nobody is signed in. `why` is a word for the log; no claim and no token stands in it."""

    code = "sign_in_refused"
    status = 401
    title = "You are not signed in"

    def __init__(self, why: str, detail: str) -> None:
        super().__init__(detail)
        self.why = why


class ProviderAwayError(SignInError):
    """The provider does not answer, or not as a provider does."""

    code = "provider_away"
    status = 503
    title = "The OpenID provider cannot be reached"

    def __init__(self, why: str) -> None:
        super().__init__(why, "expected an answer of the OpenID provider, got none that can be used: try again later")
        self.headers = {"Retry-After": "10"}
