"""The real web process of a test: uvicorn on loopback, in a thread, with keys of two tenants."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
import uvicorn

from app.auth import IssuedKey, create_key, create_tenant_and_key
from app.config import Settings
from app.context import Backend
from app.db import connect
from app.main import create_app
from app.server import configuration
from app.states import Scope

START_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Web:
    """A running service and who may use it."""

    settings: Settings
    url: str
    backend: Backend
    """The resources of the very process that answers, to prepare rows and files with."""
    admin: IssuedKey
    reader: IssuedKey
    """Of the same tenant, with the scope read alone."""
    reviewer: IssuedKey
    """Of the same tenant, with the scopes read and review."""
    stranger: IssuedKey
    """The administrator of another tenant."""

    def client(self, key: IssuedKey | None = None) -> httpx2.Client:
        """A client with this key, or with the administrator's."""
        token = (key or self.admin).token
        headers = {"Authorization": f"Bearer {token}"}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=60, verify=False, trust_env=False)

    def scratch_is_empty(self) -> bool:
        """True where no upload has left anything behind."""
        return not list(self.settings.scratch.glob("upload-*"))

    def stored_files(self) -> list[str]:
        """The keys of all stored files, below the tenants' folders."""
        root = self.settings.home / "blobs"
        files = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
        return [file for file in files if not file.startswith("keys/")]


@contextmanager
def serve(settings: Settings) -> Iterator[Web]:
    """A service on a migrated installation."""
    engine = connect(settings)
    admin = create_tenant_and_key(engine, "ours", [Scope.ADMIN])
    keys = {
        "admin": admin,
        "reader": create_key(engine, admin.tenant_id, [Scope.READ]),
        "reviewer": create_key(engine, admin.tenant_id, [Scope.READ, Scope.REVIEW]),
        "stranger": create_tenant_and_key(engine, "theirs", [Scope.ADMIN]),
    }
    engine.dispose()
    api = create_app(settings)
    server = uvicorn.Server(configuration(api, host="127.0.0.1", port=0, log_config=None, timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        port = _port(server, thread)
        yield Web(settings=settings, url=f"http://127.0.0.1:{port}", backend=api.state.backend, **keys)
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)


def _port(server: uvicorn.Server, thread: threading.Thread) -> int:
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("expected a web process that starts, got one that does not")
        time.sleep(0.01)
    return int(server.servers[0].sockets[0].getsockname()[1])
