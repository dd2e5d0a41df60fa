"""The provider over HTTP: its metadata and keys, a code exchanged for an ID token, and what makes the token believed.

Requests go to the configured origins alone, follow no redirect, take no proxy of the environment, read no more than
1 MiB, and take ten seconds at most, however slowly an answer comes. An ID token is believed when one of the issuer's
public keys has signed it with an asymmetric algorithm, and issuer, audience, expiry and nonce are as they should be
(OpenID Connect Core 1.0 §3.1.3.7).
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

import anyio
import httpx2
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet, import_key

from app.openid.attempt import Attempt
from app.openid.config import OpenIdConfig, origin_of
from app.openid.errors import ProviderAwayError, SignInError

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
"""Signatures of a key that the issuer alone has. `none` and HMAC, whose key everybody would know, are not here."""
SCOPES = "openid profile email"
SECONDS = 10.0
"""What one request may take, from the first byte sent to the last one read."""
MOST_BYTES = 1024**2
FRESH_SECONDS = 600.0
"""For so long metadata and keys are kept."""
PAUSE_SECONDS = 10.0
"""For so long the provider is left alone after it failed, or after keys were asked for in vain."""
AT_ONCE = 8
"""So many threads wait for the provider; more are refused, so that a slow provider does not take all of them."""
LEEWAY_SECONDS = 60
NOT_BELIEVED = "expected an ID token of the provider for this sign-in, got one that cannot be believed: try again"
NO_TOKEN = "expected a code that the provider exchanges for an ID token, got another one: sign in again"  # noqa: S105


@dataclass(frozen=True, slots=True)
class _Known:
    """What the provider said of itself."""

    metadata: Mapping[str, object]
    keys: KeySet
    at: float


class Provider:
    """The provider, as this process knows it."""

    def __init__(self, config: OpenIdConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self.config = config
        self._clock = clock
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._known: _Known | None = None
        self._failed_at = -PAUSE_SECONDS
        self._trust = ssl.create_default_context()

    def authorization_url(self, attempt: Attempt) -> str:
        """Where the browser goes to sign in. Raises ProviderAwayError."""
        return str(
            prepare_grant_uri(
                self._endpoint("authorization_endpoint"),
                self.config.client_id,
                "code",
                redirect_uri=self.config.redirect_uri,
                scope=SCOPES,
                state=attempt.state,
                nonce=attempt.nonce,
                code_challenge=create_s256_code_challenge(attempt.verifier),
                code_challenge_method="S256",
            )
        )

    def sign_out_url(self) -> str | None:
        """Where the browser ends its session with the provider; None where that is not offered, or not known now."""
        try:
            end = self._endpoint("end_session_endpoint")
        except ProviderAwayError:
            return None
        back = quote(f"{self.config.public_url}/sign-in", safe="")
        join = "&" if "?" in end else "?"
        return f"{end}{join}client_id={quote(self.config.client_id, safe='')}&post_logout_redirect_uri={back}"

    def claims(self, code: str, attempt: Attempt) -> Mapping[str, object]:
        """The claims of the ID token that the code stands for. Raises SignInError where it is not believed, and
        ProviderAwayError.
        """
        answer = self._exchanged(code, attempt)
        id_token, access_token = answer.get("id_token"), answer.get("access_token")
        if not isinstance(id_token, str):
            raise SignInError("no_id_token", NO_TOKEN)
        try:
            return self._believed(id_token, attempt, access_token)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise SignInError(f"id_token: {type(error).__name__}", NOT_BELIEVED) from None

    def _believed(self, id_token: str, attempt: Attempt, access_token: object) -> Mapping[str, object]:
        """The claims. Raises JoseError or ValueError where the token is not to be believed."""
        try:
            token = _verified(id_token, self._knowing().keys)
        except (JoseError, ValueError):  # the issuer may have new keys
            token = _verified(id_token, self._knowing(anew=True).keys)
        config = self.config
        exact = {"iss": config.issuer, "aud": config.client_id}
        claims = CodeIDToken(
            token.claims,
            token.header,
            options={name: {"essential": True, "value": value} for name, value in exact.items()},
            params={"nonce": attempt.nonce, "client_id": config.client_id, "access_token": access_token},
        )
        claims.validate(leeway=LEEWAY_SECONDS)
        return dict(claims)

    def _exchanged(self, code: str, attempt: Attempt) -> Mapping[str, object]:
        """What the provider gives for the code. It is known by its client secret (RFC 6749 §2.3.1)."""
        endpoint, config = self._endpoint("token_endpoint"), self.config
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": config.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        methods = self._knowing().metadata.get("token_endpoint_auth_methods_supported")
        if isinstance(methods, list) and "client_secret_basic" not in methods:
            form |= {"client_id": config.client_id, "client_secret": config.client_secret}
            basic = None
        else:
            basic = httpx2.BasicAuth(quote(config.client_id, safe=""), quote(config.client_secret, safe=""))
        with self._place():
            status, answer = self._asked("POST", endpoint, data=form, auth=basic)
        if status in (400, 401, 403):
            raise SignInError("code_refused", NO_TOKEN)
        if status != 200:
            raise ProviderAwayError("token_endpoint")
        return answer

    def _endpoint(self, name: str) -> str:
        """An address of the metadata. Raises ProviderAwayError where it is none of the configured origins."""
        url = self._knowing().metadata.get(name)
        return self._allowed(url, name)

    def _allowed(self, url: object, name: str) -> str:
        try:
            if isinstance(url, str) and origin_of(url) in self.config.origins:
                return url
        except ValueError:
            pass
        raise ProviderAwayError(f"{name} is missing or at an origin that LOOKALIKE_OIDC_ORIGINS does not list")

    def _knowing(self, *, anew: bool = False) -> _Known:
        """Metadata and keys, asked for where they are too old, or `anew` where the last time is not just now."""
        with self._lock:
            now, known = self._clock(), self._known
            if known is not None and now - known.at < (PAUSE_SECONDS if anew else FRESH_SECONDS):
                return known
            if now - self._failed_at < PAUSE_SECONDS:
                raise ProviderAwayError("metadata")
        with self._place():  # not under the lock, which everybody who signs in waits for
            try:
                found = self._told(now)
            except ProviderAwayError:
                with self._lock:
                    self._failed_at = self._clock()
                raise
        with self._lock:
            self._known = found
        return found

    @contextmanager
    def _place(self) -> Iterator[None]:
        """A place among those who wait for the provider. Raises ProviderAwayError where all are taken."""
        if not self._places.acquire(blocking=False):
            raise ProviderAwayError("too_many_at_once")
        try:
            yield
        finally:
            self._places.release()

    def _told(self, now: float) -> _Known:
        issuer = self.config.issuer
        status, metadata = self._asked("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if status != 200 or metadata.get("issuer") != issuer:
            raise ProviderAwayError("metadata of another issuer")
        status, keys = self._asked("GET", self._allowed(metadata.get("jwks_uri"), "jwks_uri"))
        if status != 200:
            raise ProviderAwayError("jwks")
        return _Known(metadata, _public(keys.get("keys")), now)

    def _asked(
        self, method: str, url: str, *, data: Mapping[str, str] | None = None, auth: httpx2.Auth | None = None
    ) -> tuple[int, Mapping[str, object]]:
        """Status and JSON object of an answer. Raises ProviderAwayError where none came in time, or another thing."""
        try:
            status, body = anyio.run(partial(self._read, method, url, data=data, auth=auth))
            found = json.loads(body) if status == 200 else {}
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, RecursionError, OSError):
            raise ProviderAwayError("no answer") from None
        if not isinstance(found, dict):
            raise ProviderAwayError("no JSON object")
        return status, found

    async def _read(
        self, method: str, url: str, *, data: Mapping[str, str] | None, auth: httpx2.Auth | None
    ) -> tuple[int, bytes]:
        """Status and body. Raises TimeoutError after `SECONDS`."""
        body = b""
        with anyio.fail_after(SECONDS):
            async with (
                httpx2.AsyncClient(
                    trust_env=False, follow_redirects=False, timeout=SECONDS, verify=self._trust
                ) as client,
                client.stream(method, url, data=data, auth=auth, headers={"Accept": "application/json"}) as answer,
            ):
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > MOST_BYTES:
                        raise ProviderAwayError("too long an answer")
                return answer.status_code, body


def _public(keys: object) -> KeySet:
    """The issuer's keys that may sign. Those of a kind that is not known here, and shared secrets, are left out."""
    found = []
    for key in keys if isinstance(keys, list) else []:
        if isinstance(key, dict) and key.get("kty") != "oct" and key.get("use", "sig") == "sig":
            with suppress(JoseError, ValueError, TypeError, KeyError):
                found.append(import_key(key))
    if not found:
        raise ProviderAwayError("jwks without a key")
    return KeySet(found)


def _verified(id_token: str, keys: KeySet) -> jwt.Token:
    """The token, which one of the keys has signed: that of its key id, or any where it names none.

    Raises JoseError or ValueError where none of them has.
    """
    named = jws.extract_compact(id_token.encode()).headers().get("kid")
    wrong: Exception = InvalidKeyIdError()
    for key in keys.keys:
        if named in (None, key.kid):
            try:
                return jwt.decode(id_token, key, algorithms=list(ALGORITHMS))
            except (JoseError, ValueError) as error:
                wrong = error
    raise wrong
