"""Signing in at a real OpenID provider over HTTP, and whoever tries to come in another way."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from app import accounts, credentials, federated
from app.config import Settings
from app.db import migrate, reading
from app.errors import ConflictError
from app.identity import account_of, are_two
from app.openid import provider as openid_provider
from app.openid.attempt import begin
from app.openid.claims import arrival_of
from app.openid.config import BACK
from app.openid.errors import ProviderAwayError, SignInError
from app.openid.provider import AT_ONCE, Provider
from app.orm import AuditEventRow, PersonRow
from app.services import people
from app.states import ReleaseState, Role, Scope
from app.trail import read_details
from tests.app.pages.test_pages import decide, token_in
from tests.app.pages.test_people_pages import sign_in
from tests.support.openid import Claims, Door, provider
from tests.support.people import CHEAP, PASSWORD, add_person, key_of
from tests.support.reports import document_bytes
from tests.support.rows import add_release
from tests.support.web import Web, serve

OTHER_KEY = RSAKey.generate_key(2048)
SECRET = "a-secret-of-the-client"  # noqa: S105 - of a client that does not exist
ROLES = {"lookalike-admins": "admin", "clinic": ["reviewer", "uploader"]}


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with provider() as running:
        yield running


@pytest.fixture(scope="module")
def web(door: Door, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    settings = Settings(
        home=tmp_path_factory.mktemp("home"),
        device="cpu",
        public_url="http://127.0.0.1:1",  # nobody is sent there: the test takes the address to the service
        oidc_issuer=door.url,
        oidc_client_id="lookalike",
        oidc_client_secret=SECRET,
        oidc_name="Example & Co",
        oidc_roles_claim="realm_access.roles",
        oidc_roles=json.dumps(ROLES),
        oidc_tenant_claim="org",
        oidc_tenants=json.dumps({"a": "ours", "b": "theirs", "c": "nobody"}),
    )
    migrate(settings)
    with serve(settings) as running:
        yield running


@pytest.fixture(autouse=True)
def honest(door: Door) -> None:
    door.alter, door.hangs, door.metadata = None, None, {}


def browser(web: Web) -> httpx2.Client:
    return httpx2.Client(base_url=web.url, timeout=60, trust_env=False, verify=False)


def known(door: Door, subject: str, role: str = "clinic", org: object = "a", **claims: object) -> str:
    door.set_user(subject, realm_access={"roles": [role, "else"]}, org=org, **claims)
    return subject


def there(client: httpx2.Client, then: str = "/releases") -> str:
    """Where the browser is sent to sign in."""
    answer = client.get("/sign-in/openid", params={"then": then})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def back(web: Web, door: Door, client: httpx2.Client, subject: str, then: str = "/releases") -> str:
    """Where the provider sends the browser back to, at this service."""
    returned = door.pass_by(there(client, then), subject)
    assert returned.startswith(f"http://127.0.0.1:1{BACK}?")
    return web.url + returned.removeprefix("http://127.0.0.1:1")


def come(web: Web, door: Door, client: httpx2.Client, subject: str, then: str = "/releases") -> httpx2.Response:
    return client.get(back(web, door, client, subject, then))


def nobody_is_in(client: httpx2.Client, answer: httpx2.Response, status: int = 401) -> None:
    assert answer.status_code == status, answer.text
    assert "lookalike_session" not in client.cookies
    assert client.get("/account").status_code == 303


def events(web: Web, kind: str) -> list[dict]:
    with reading(web.backend.engine) as session:
        rows = session.query(AuditEventRow).filter_by(kind=kind, tenant_id=web.admin.tenant_id).all()
        return [{"subject": row.subject} | (read_details(row) or {}) for row in rows]


def test_somebody_signs_in_at_the_provider_and_out_again(web: Web, door: Door) -> None:
    with browser(web) as client:
        page = client.get("/sign-in").text
        assert "Sign in with Example &amp; Co" in page
        answer = come(web, door, client, known(door, "ada"), "/releases?state=all")
        assert (answer.status_code, 'content="0;url=/releases?state=all"' in answer.text) == (200, True)
        cookies = {each.partition("=")[0]: each for each in answer.headers.get_list("set-cookie")}
        assert "SameSite=strict" in cookies["lookalike_session"]
        assert "HttpOnly" in cookies["lookalike_session"]
        assert "Max-Age=0" in cookies["lookalike_openid"]
        shown = client.get("/account").text
        assert "reviewer, uploader" in shown
        assert "Present password" not in shown
        person = accounts.find(web.backend.engine, "ada@example.org")
        view = people.view(person)
        assert (view.state, view.signs_in_by, view.roles) == ("active", "openid", [Role.REVIEWER, Role.UPLOADER])
        assert (person.issuer, person.subject, person.password_hash) == (door.url, "ada", None)
        assert [each["facts"]["how"] for each in events(web, "session.begun") if each["subject"] == person.id] == [
            "openid"
        ]
        out = client.post("/sign-out", data={"csrf": token_in(shown, "csrf")})
        assert f'href="{door.url}/oauth2/end_session?client_id=lookalike&amp;post_logout_redirect_uri=' in out.text
        assert client.get("/account").status_code == 303
    assert base64.b64decode(door.authorization[-1].removeprefix("Basic ")).decode() == f"lookalike:{SECRET}"


def test_roles_are_those_of_the_last_sign_in_and_name_and_address_are_nobody(web: Web, door: Door) -> None:
    with browser(web) as client:
        come(web, door, client, known(door, "grace"))
        first = accounts.find(web.backend.engine, "grace@example.org")
        known(door, "grace", "lookalike-admins", email="married@example.org", name="Grace Brewster")
        come(web, door, client, "grace")
        person = accounts.person_of(web.backend.engine, first.tenant_id, first.id)
        assert (person.roles, person.name, person.email) == (["admin"], "Grace Lovelace", "grace@example.org")
        assert client.get("/people").status_code == 200
    with browser(web) as other:  # another subject with the address of somebody else is not that person
        nobody_is_in(other, come(web, door, other, known(door, "impostor", email="grace@example.org")))
    refused = events(web, "sign_in.refused")[-1]
    assert (refused["facts"]["why"], refused["facts"]["provider_subject"]) == ("email_in_use", "impostor")


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"role": "unknown"}, "no_role"),
        ({"org": "z"}, "no_tenant"),
        ({"org": ["a", "b"]}, "no_tenant"),
        ({"org": "c"}, "no_tenant"),
        ({"org": {"a": 1}}, "no_tenant"),
        ({"email": "none"}, "name_or_email"),
        ({"email_verified": False}, "email_not_verified"),
        ({"email_verified": None}, "email_not_verified"),
        ({"name": "Ada\u202eb"}, "name_or_email"),
    ],
)
def test_whom_the_claims_give_nothing_does_not_come_in(
    web: Web, door: Door, claims: dict, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    with browser(web) as client, caplog.at_level(logging.WARNING, "lookalike.sign_in"):
        nobody_is_in(client, come(web, door, client, known(door, "eve", **claims)))
    assert caplog.records[-1].fields == {"why": why}
    with reading(web.backend.engine) as session:
        assert session.query(PersonRow).filter_by(subject="eve").all() == []


def test_whoever_is_disabled_here_or_comes_for_another_tenant_stays_out(web: Web, door: Door) -> None:
    with browser(web) as client:
        come(web, door, client, known(door, "mary"))
        person = accounts.find(web.backend.engine, "mary@example.org")
        known(door, "mary", org="b")
        with browser(web) as elsewhere:
            nobody_is_in(elsewhere, come(web, door, elsewhere, "mary"))
        accounts.set_disabled(web.backend.engine, person.tenant_id, person.id, disabled=True)
        assert client.get("/account").status_code == 303, "the open session ends"
        known(door, "mary")
        with browser(web) as again:
            nobody_is_in(again, come(web, door, again, "mary"))
    assert {"other_tenant", "disabled"} <= {
        each["facts"]["why"] for each in events(web, "sign_in.refused") if each["subject"] == person.id
    }


@pytest.mark.parametrize(
    ("claims", "why"), [({"role": "unknown"}, "no_role"), ({"org": "z"}, "no_tenant"), ({"org": "b"}, "other_tenant")]
)
def test_whom_the_provider_no_longer_lets_in_keeps_neither_roles_nor_sessions_nor_what_keys_may(
    web: Web, door: Door, claims: dict, why: str
) -> None:
    subject = f"leaver-{why}"
    with browser(web) as client, browser(web) as elsewhere:
        come(web, door, client, known(door, subject, "lookalike-admins"))
        person = accounts.find(web.backend.engine, f"{subject}@example.org")
        key = key_of(web, person, *Scope)
        nobody_is_in(elsewhere, come(web, door, elsewhere, known(door, subject, **claims)))
        assert client.get("/account").status_code == 303, "the open session ends"
        with web.client(key) as api:
            assert {api.get(path).status_code for path in ("/v1/people", "/v1/jobs", "/v1/audit")} == {403}
        assert accounts.person_of(web.backend.engine, person.tenant_id, person.id).roles == []
        (refused,) = (each for each in events(web, "sign_in.refused") if each["subject"] == person.id)
        (changed,) = (each for each in events(web, "person.changed") if each["subject"] == person.id)
        assert (refused["facts"]["why"], changed["facts"]["roles"], changed["facts"]["before"]) == (why, [], ["admin"])
        come(web, door, client, known(door, subject, "lookalike-admins"))
        assert client.get("/people").status_code == 200
        with web.client(key) as api:
            assert api.get("/v1/people").status_code == 200, "whom the provider lets in again has keys again"


def test_two_people_of_a_tenant_are_never_called_the_same(web: Web, door: Door) -> None:
    with browser(web) as client:
        come(web, door, client, known(door, "rosalind", name="Rosalind Franklin"))
    with browser(web) as other:
        answer = come(web, door, other, known(door, "second", name="ROSALIND  FRANKLIN"))
        nobody_is_in(other, answer)
        assert "link it to you" in answer.text
        there = come(web, door, other, known(door, "second", name="Rosalind Franklin", org="b"))
        assert there.status_code == 200, "names are of one tenant"


def test_an_address_of_which_the_provider_says_nothing_counts_where_a_setting_says_so(web: Web) -> None:
    config, said = web.backend.provider.config, {"sub": "s", "name": "Ada Lovelace", "email": "ada@example.org"}
    trusting = replace(config, verifies_email=True)
    assert arrival_of(trusting, said).email == arrival_of(config, said | {"email_verified": "true"}).email
    for sort, verified in ((config, None), (trusting, False), (trusting, "false"), (config, 1)):
        with pytest.raises(SignInError):
            arrival_of(sort, said | {"email_verified": verified})


def test_a_new_session_takes_the_place_of_the_one_that_the_browser_had(web: Web, door: Door) -> None:
    with browser(web) as client, browser(web) as copy:
        come(web, door, client, known(door, "barbara"))
        copy.cookies.set("lookalike_session", client.cookies["lookalike_session"])
        assert copy.get("/account").status_code == 200
        address = back(web, door, client, "barbara")
        client.cookies.delete("lookalike_session")  # a browser sends no strict cookie as it comes from another site
        client.get(address)
        assert copy.get("/account").status_code == 303
        assert client.get("/account").status_code == 200


def test_a_provider_that_hangs_keeps_a_few_threads_for_a_while_and_no_others(
    web: Web, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openid_provider, "SECONDS", 1.0)
    anew, door.hangs, asked = Provider(web.backend.provider.config), threading.Event(), len(door.seen)
    outcomes: list[str] = []

    def ask() -> None:
        with pytest.raises(ProviderAwayError) as caught:
            anew.authorization_url(begin("/"))
        outcomes.append(caught.value.why)

    threads = [threading.Thread(target=ask) for _ in range(AT_ONCE + 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    door.hangs.set()
    assert len(door.seen) - asked <= AT_ONCE
    assert set(outcomes) <= {"no answer", "too_many_at_once", "metadata"}
    assert outcomes[0] != "no answer", "who has no place does not wait for those who have one"


def test_there_is_no_way_around_the_provider(web: Web, door: Door) -> None:
    engine = web.backend.engine
    with browser(web) as client:
        come(web, door, client, known(door, "dora"))
        person = accounts.find(engine, "dora@example.org")
        with pytest.raises(ConflictError, match="OpenID provider"):
            accounts.reset(engine, person.tenant_id, person.id, invited_by="a test")
        assert sign_in(client, person.email).status_code == 401
        csrf = token_in(client.get("/account").text, "csrf")
        refused = client.post("/account", data={"csrf": csrf, "current": PASSWORD})
        assert (refused.status_code, "change the password at the provider" in refused.text) == (403, True)


def test_an_account_with_a_password_is_linked_by_the_operator_alone(web: Web, door: Door) -> None:
    engine, person = web.backend.engine, add_person(web, Role.REVIEWER, email="edith@example.org")
    known(door, "edith", email="edith@example.org")
    with browser(web) as client:
        nobody_is_in(client, come(web, door, client, "edith"))
        federated.link(engine, person.tenant_id, person.id, door.url, "edith")
        assert come(web, door, client, "edith").status_code == 200
        assert "edith@example.org" in client.get("/account").text
    assert accounts.person_of(engine, person.tenant_id, person.id).password_hash is None
    other = add_person(web, Role.REVIEWER)
    with pytest.raises(ConflictError, match="another one"):
        federated.link(engine, other.tenant_id, other.id, door.url, "edith")
    with pytest.raises(accounts.UnauthorizedError):
        credentials.know(engine, CHEAP, "edith@example.org", PASSWORD)


def test_four_eyes_count_a_person_of_the_provider_once(web: Web, door: Door, tmp_path) -> None:
    with browser(web) as client:
        come(web, door, client, known(door, "katherine"))
        person = accounts.find(web.backend.engine, "katherine@example.org")
        key = key_of(web, person, Scope.WRITE)
        with reading(web.backend.engine) as session:
            assert not are_two(account_of(session, key.key_id), account_of(session, person.id))
        release = add_release(
            web, tmp_path, ReleaseState.IN_REVIEW, four_eyes=True, report=document_bytes(), created_by=key.key_id
        )
        assert decide(client, release.id).status_code == 403
    with browser(web) as other:
        come(web, door, other, known(door, "dorothy"))
        assert decide(other, release.id).status_code == 303


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


ATTACKS: dict[str, Callable[[Door, Claims], str]] = {
    "wrong nonce": lambda door, claims: door.signed(claims | {"nonce": "x" * 43}),
    "no nonce": lambda door, claims: door.signed({name: claims[name] for name in claims if name != "nonce"}),
    "wrong audience": lambda door, claims: door.signed(claims | {"aud": "another client"}),
    "several audiences": lambda door, claims: door.signed(claims | {"aud": ["lookalike", "another client"]}),
    "for another party": lambda door, claims: door.signed(claims | {"azp": "another client"}),
    "no audience": lambda door, claims: door.signed({name: claims[name] for name in claims if name != "aud"}),
    "wrong issuer": lambda door, claims: door.signed(claims | {"iss": "https://accounts.example"}),
    "expired": lambda door, claims: door.signed(claims | {"exp": int(time.time()) - 120}),
    "no expiry": lambda door, claims: door.signed({name: claims[name] for name in claims if name != "exp"}),
    "expiry as text": lambda door, claims: door.signed(claims | {"exp": "never"}),
    "from the future": lambda door, claims: door.signed(claims | {"iat": int(time.time()) + 900}),
    "no subject": lambda door, claims: door.signed({name: claims[name] for name in claims if name != "sub"}),
    "empty subject": lambda door, claims: door.signed(claims | {"sub": ""}),
    "subject of another type": lambda door, claims: door.signed(claims | {"sub": 7}),
    "other access token": lambda door, claims: door.signed(claims | {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}),
    "alg none": lambda door, claims: f"{part({'alg': 'none'})}.{part(claims)}.",
    "alg NONE with a key id": lambda door, claims: f"{part({'alg': 'None', 'kid': 'door'})}.{part(claims)}.",
    "HS256 with the public key": lambda door, claims: _hmac(claims, door.key.as_pem(private=False)),
    "HS256 with the client secret": lambda door, claims: _hmac(claims, SECRET.encode()),
    "key of somebody else": lambda door, claims: jwt.encode({"alg": "RS256", "kid": "door"}, claims, OTHER_KEY),
    "key in the header": lambda door, claims: _with_own_key(claims),
    "altered": lambda door, claims: _altered(door.signed(claims)),
    "not a token": lambda door, claims: "nothing",
    "empty": lambda door, claims: "",
}


def _hmac(claims: Claims, key: bytes) -> str:
    signed = f"{part({'alg': 'HS256', 'kid': 'door'})}.{part(claims)}"
    signature = hmac.digest(key, signed.encode(), hashlib.sha256)
    return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def _with_own_key(claims: Claims) -> str:
    return jwt.encode({"alg": "RS256", "jwk": OTHER_KEY.as_dict(private=False)}, claims, OTHER_KEY)


def _altered(token: str) -> str:
    header, claims, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return f"{header}.{part(said | {'sub': 'root'})}.{signature}"


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_id_token_that_cannot_be_believed_is_not(web: Web, door: Door, attack: str) -> None:
    known(door, "mallory", "lookalike-admins")
    with browser(web) as client:
        address = back(web, door, client, "mallory")
        door.alter = lambda claims: ATTACKS[attack](door, claims)
        nobody_is_in(client, client.get(address))
    with reading(web.backend.engine) as session:
        assert session.query(PersonRow).filter(PersonRow.subject.in_(["mallory", "root"])).all() == []


def test_the_attacks_fail_for_what_is_wrong_with_them_alone(web: Web, door: Door) -> None:
    door.alter = door.signed
    with browser(web) as client:
        assert come(web, door, client, known(door, "honest")).status_code == 200


def test_a_code_is_used_once_and_a_state_is_of_one_browser(web: Web, door: Door) -> None:
    known(door, "annie")
    with browser(web) as client, browser(web) as other:
        address = back(web, door, client, "annie")
        nobody_is_in(other, other.get(address))  # an attacker's answer in the victim's browser, or the other way round
        there(other)
        nobody_is_in(other, other.get(address))
        cookie = client.cookies["lookalike_openid"]
        assert client.get(address).status_code == 200
        assert client.get(address).status_code == 401, "the attempt is over"
        other.cookies.set("lookalike_openid", cookie)
        nobody_is_in(other, other.get(address))  # even with the stolen cookie: the code is used up
        secret, begun, session, then = cookie.split(".")
        late, elsewhere, over = int(begun) - 1000, part("/people"), "0" * 64
        for changed in (
            f"{secret}.{late}.{session}.{then}",
            f"{secret}.{begun}.{session}.{elsewhere}",
            f"{secret}.{begun}.{over}.{then}",
            "...",
            "x",
        ):
            other.cookies.set("lookalike_openid", changed)
            nobody_is_in(other, other.get(address))


def test_a_code_for_another_verifier_is_refused(web: Web, door: Door) -> None:
    known(door, "annie")
    with browser(web) as client:
        address = back(web, door, client, "annie")
        door.challenges.clear()
        nobody_is_in(client, client.get(address))


def test_what_the_provider_refuses_is_said_in_our_own_words(web: Web, door: Door) -> None:
    with browser(web) as client:
        state = parse_qs(urlsplit(there(client)).query)["state"][0]
        said = {"error": "<b>x</b>", "error_description": "call 555-0100", "state": state}
        answer = client.get(BACK, params=said)
        nobody_is_in(client, answer)
        assert "555-0100" not in answer.text
        assert "<b>" not in answer.text
        there(client)
        nobody_is_in(client, client.get(BACK))
        there(client)
        nobody_is_in(client, client.get(BACK, params={"code": "x" * 5000, "state": "y"}), 422)


@pytest.mark.parametrize(
    "then", ["https://evil.example/", "//evil.example", "/\\evil.example", "/sign-out", "javascript:alert(1)", '/"><b>']
)
def test_nobody_is_led_to_another_site(web: Web, door: Door, then: str) -> None:
    with browser(web) as client:
        answer = come(web, door, client, known(door, "lise"), then)
        target = '0;url=/&#34;&gt;&lt;b&gt;"' if then.startswith('/"') else '0;url=/releases"'
        assert f'content="{target}' in answer.text
        assert "evil" not in answer.text


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://accounts.example"},
        {"token_endpoint": "http://127.0.0.1:9/token"},
        {"jwks_uri": "http://169.254.169.254/latest/meta-data"},
        {"authorization_endpoint": "https://evil.example/authorize"},
        {"jwks_uri": "file:///etc/passwd"},
        {"token_endpoint": None},
    ],
)
def test_requests_go_to_the_configured_origins_alone(web: Web, door: Door, metadata: dict) -> None:
    door.metadata = metadata
    provider_anew, asked = type(web.backend.provider)(web.backend.provider.config), len(door.seen)
    with pytest.raises(ProviderAwayError):
        _ask(provider_anew)
    first = len(door.seen)
    assert set(door.seen[asked:]) <= {"/.well-known/openid-configuration", "/jwks"}
    with pytest.raises(ProviderAwayError):
        _ask(provider_anew)
    assert len(door.seen) == first, "who has failed is left alone for a while"


def _ask(provider_anew: Provider) -> None:
    provider_anew.authorization_url(begin("/"))
    provider_anew.claims("code", begin("/"))


def test_what_was_written_before_the_session_ended_is_there_after_signing_in_in_another_tab(
    web: Web, door: Door
) -> None:
    with browser(web) as client:
        ended = client.post("/keys", data={"name": "typed before"})
        assert ended.status_code == 401
        assert "I have signed in with Example &amp; Co" in ended.text
        form = {"form_token": token_in(ended.text, "form_token"), "then": "/keys", "kept": '{"name": "typed before"}'}
        assert client.post("/sign-in", data=form | {"signed_in": "1"}).status_code == 401
        come(web, door, client, known(door, "emmy"))
        token = token_in(client.get("/sign-in").text, "form_token")
        back_again = client.post("/sign-in", data=form | {"form_token": token, "signed_in": "1"})
        assert (back_again.status_code, "typed before" in back_again.text) == (200, True)
