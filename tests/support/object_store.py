"""A real object store that belongs to the test run alone: OpenStack Swift with its S3 interface.

It is one process for each of its four servers, on loopback, with one copy of each object and one account.
"""

from __future__ import annotations

import getpass
import importlib.util
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx2
import obstore
import pytest
from obstore.store import S3Store

from tests.support.postgres import LIBC, PR_SET_PDEATHSIG, free_port

START_SECONDS = 60.0
REGION = "eu-central-1"
ACCESS_KEY = "test:tester"
BEHIND = ("account", "container", "object")
"""The servers that keep what the proxy takes"""
STOPPED = ("container", "object")
"""Those that an outage stops. Without the one of accounts, the proxy would say that there is no bucket."""
MODULES = {"proxy": "swift.proxy.server"} | {name: f"swift.{name.replace('object', 'obj')}.server" for name in BEHIND}
MAKE_RINGS = """
import sys
from swift.common.ring import RingBuilder
for name, port in zip(sys.argv[2::2], sys.argv[3::2]):
    ring = RingBuilder(1, 1, 0)
    ring.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port), "device": "one", "weight": 1.0})
    ring.rebalance()
    ring.get_ring().save(f"{sys.argv[1]}/{name}.ring.gz")
"""
SHARED = """[DEFAULT]
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
fallocate_reserve = 0
bind_ip = 127.0.0.1
bind_port = {port}
user = {user}
workers = 0
log_address = {folder}/no-syslog
"""
SERVER = """[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
"""
# It is not to remember that a server was away, which would prolong each outage by a minute.
PROXY = """[pipeline:main]
pipeline = catch_errors proxy-logging listing_formats s3api tempauth slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
error_suppression_limit = 1000000
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:proxy-logging]
use = egg:swift#proxy_logging
access_log_headers = true
reveal_sensitive_prefix = 8192
log_msg_template = request {{method}} {{path}} {{status_int}} {{headers}}
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
location = {region}
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = {secret} .admin
[filter:slo]
use = egg:swift#slo
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectStore:
    """A running store on loopback."""

    folder: Path
    ports: dict[str, int]
    """Of each server; that of the proxy is the store's"""
    secret: str
    processes: dict[str, subprocess.Popen[bytes]] = field(repr=False)

    @property
    def origin(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.ports['proxy']}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which `s3://...` is in this store."""
        return {
            "AWS_ENDPOINT_URL": self.origin,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": REGION,
        }

    def make_bucket(self) -> str:
        """The name of a fresh bucket."""
        name = f"test-{secrets.token_hex(8)}"
        address = obstore.sign(self._client(name), "PUT", "", timedelta(seconds=60))
        httpx2.put(address).raise_for_status()
        return name

    def files(self, bucket: str) -> dict[str, bytes]:
        """What lies in a bucket, by key."""
        client = self._client(bucket)
        found = [each["path"] for some in obstore.list(client) for each in some]
        return {path: bytes(obstore.get(client, path).bytes()) for path in found}

    def requests(self) -> list[str]:
        """Method, path, status and headers of all requests that were answered, but for those that it sent itself."""
        lines = (self.folder / "proxy.log").read_text(encoding="utf-8").splitlines()
        requests = [line.partition(": request ")[2] for line in lines if ": request " in line]
        return [each for each in requests if not each.split(" ")[1].startswith("/v1/")]

    def _client(self, bucket: str) -> S3Store:
        return S3Store(
            bucket,
            endpoint=self.origin,
            client_options={"allow_http": True},
            region=REGION,
            access_key_id=ACCESS_KEY,
            secret_access_key=self.secret,
        )

    @contextmanager
    def outage(self) -> Iterator[None]:
        """The servers of objects and buckets are gone while the block runs: the proxy answers 5xx to every request."""
        for name in STOPPED:
            _stop(self.processes.pop(name))
        try:
            yield
        finally:
            self.start(*STOPPED)

    def start(self, *names: str) -> None:
        """Start servers, and wait until they listen."""
        for name in names:
            self.processes[name] = _start(self.folder, name)
        deadline = time.monotonic() + START_SECONDS
        for name in names:
            while not _listens(self.ports[name]):
                if self.processes[name].poll() is not None or time.monotonic() > deadline:
                    text = (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
                    raise RuntimeError(f"expected a {name} server that starts, got this log:\n{text}")
                time.sleep(0.05)


@contextmanager
def run_object_store() -> Iterator[ObjectStore]:
    """A fresh store that ends with the block, or with this process if that is killed. Skips the test without Swift."""
    if importlib.util.find_spec("swift") is None:
        pytest.skip("OpenStack Swift is not installed (pip install swift)")
    with tempfile.TemporaryDirectory(prefix="lookalike-objects-", ignore_cleanup_errors=True) as name:
        ports = {each: free_port() for each in ("proxy", *BEHIND)}
        store = ObjectStore(folder=Path(name), ports=ports, secret=secrets.token_hex(16), processes={})
        _configure(store)
        try:
            store.start("proxy", *BEHIND)
            yield store
        finally:
            for process in store.processes.values():
                _stop(process)


def _configure(store: ObjectStore) -> None:
    (store.folder / "devices" / "one").mkdir(parents=True)
    rings = [part for name in BEHIND for part in (name, str(store.ports[name]))]
    subprocess.run([sys.executable, "-c", MAKE_RINGS, store.folder, *rings], check=True)
    (store.folder / "swift.conf").write_text(f"[swift-hash]\nswift_hash_path_suffix = {store.secret}\n")
    for name, port in store.ports.items():
        text = SHARED + (PROXY if name == "proxy" else SERVER)
        values = {"name": name, "port": port, "user": getpass.getuser(), "region": REGION, "secret": store.secret}
        (store.folder / f"{name}.conf").write_text(text.format(folder=store.folder, **values))


def _start(folder: Path, name: str) -> subprocess.Popen[bytes]:
    with (folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-c", f"from {MODULES[name]} import main; main()", folder / f"{name}.conf", "-v"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # a killed test run must not leave a server behind
            preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509
        )


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
