"""A real OpenID provider on loopback, and a door before it that may do what an attacker would.

The provider is that of the package oidc-provider-mock. The door hands requests on to it and answers back, checks PKCE,
which the provider does not, and may put another ID token in place of the one that was issued.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import httpx2
import oidc_provider_mock
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

Claims = dict[str, object]
PLAIN = httpx2.Client(trust_env=False, verify=False, timeout=60)


@dataclass
class Door:
    """The provider as everybody reaches it."""

    inside: str
    """Where the real provider listens."""
    url: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "door", "use": "sig"}))
    """Another key of the issuer, which the door publishes beside the provider's own."""
    alter: Callable[[Claims], str] | None = None
    """Makes an ID token of the claims of the real one."""
    metadata: dict[str, object] = field(default_factory=dict)
    """What is said in place of the provider's own metadata."""
    challenges: list[str] = field(default_factory=list)
    hangs: threading.Event | None = None
    """Where it is there, every answer comes a byte at a time until it is set."""
    seen: list[str] = field(default_factory=list)
    """Every path that was asked for."""
    authorization: list[str] = field(default_factory=list)
    """By what the token endpoint was told who asks."""

    def signed(self, claims: Claims, header: dict[str, object] | None = None) -> str:
        """An ID token that the issuer's own other key has signed."""
        return jwt.encode({"alg": "RS256", "kid": "door"} | (header or {}), claims, self.key)

    def set_user(self, subject: str, **claims: object) -> None:
        """What the provider says of somebody."""
        name = f"{subject.title()} Lovelace"
        said = {"name": name, "email": f"{subject}@example.org", "email_verified": True} | claims
        PLAIN.put(f"{self.inside}/users/{subject}", json=said).raise_for_status()

    def pass_by(self, address: str, subject: str) -> str:
        """Where the provider sends the browser of somebody who has signed in there."""
        answer = PLAIN.post(address, data={"sub": subject})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """What the door answers."""
        self.seen.append(path)
        query = parse_qs(urlsplit(path).query)
        if "code_challenge" in query:
            assert query["code_challenge_method"] == ["S256"]
            self.challenges += query["code_challenge"]
        if path == "/oauth2/token":
            self.authorization.append(headers.get("Authorization", ""))
            verifier = parse_qs(body.decode())["code_verifier"][0].encode()
            hashed = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).decode().rstrip("=")
            if hashed not in self.challenges:
                return 400, {"Content-Type": "application/json"}, b'{"error": "invalid_grant"}'
        answer = PLAIN.request(method, self.inside + path, headers=headers, content=body)
        kept = {name: answer.headers[name] for name in ("content-type", "location") if name in answer.headers}
        return answer.status_code, kept, self._altered(path, answer)

    def _altered(self, path: str, answer: httpx2.Response) -> bytes:
        if path == "/.well-known/openid-configuration":
            return json.dumps(answer.json() | self.metadata).encode()
        if path == "/jwks":
            return json.dumps({"keys": [*answer.json()["keys"], self.key.as_dict(private=False)]}).encode()
        if path == "/oauth2/token" and self.alter is not None and answer.status_code == 200:
            said = answer.json()
            keys = KeySet.import_key_set(PLAIN.get(f"{self.inside}/jwks").json())
            claims = jwt.decode(said["id_token"], keys, algorithms=["RS256"]).claims
            return json.dumps(said | {"id_token": self.alter(claims)}).encode()
        return answer.content


@contextmanager
def provider() -> Iterator[Door]:
    """A running provider and the door before it."""
    with oidc_provider_mock.run_server_in_thread() as inside:
        door = Door(f"http://localhost:{inside.server_port}")
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(door))
        door.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield door
        finally:
            server.shutdown()
            server.server_close()


def _handler(door: Door) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, content = door.answer(self.command, self.path, dict(self.headers.items()), body)
            while door.hangs is not None and not door.hangs.wait(0.02):
                self.wfile.write(b"H")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _serve  # noqa: N815 - http.server's own names

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Handler
