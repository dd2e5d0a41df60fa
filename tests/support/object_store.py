"""A small object store over real HTTP: what of S3 this service uses, in memory, that can be told to refuse.

It speaks enough for `obstore`: objects with ranges, listings, deletions of many, and uploads in parts. It checks no
signatures. It is not Amazon's; no other store of this kind can be started on the machines that run the tests.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

BUCKET = "ours"


@dataclass(slots=True)
class ObjectStore:
    """A bucket."""

    port: int = 0
    files: dict[str, tuple[bytes, float]] = field(default_factory=dict)
    """What lies under each key, and when it was put"""
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)
    """By upload, the parts that have come"""
    refuses: bool = False
    refused: int = 0
    """How many requests were answered with 503"""

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which `s3://ours` is this store."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "AKIA",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "eu-central-1",
        }

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Every request is refused with 503 while the block runs."""
        self.refuses = True
        try:
            yield
        finally:
            self.refuses = False


@contextmanager
def run_object_store() -> Iterator[ObjectStore]:
    """A store that answers until the block ends."""
    store = ObjectStore()
    handler = type("Handler", (_Handler,), {"store": store})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    store.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: ObjectStore

    def handle_one(self) -> None:
        body = self._body()
        place = urlsplit(self.path)
        key = unquote(place.path).removeprefix(f"/{BUCKET}").lstrip("/")
        query = {name: values[0] for name, values in parse_qs(place.query, keep_blank_values=True).items()}
        if self.store.refuses:
            self.store.refused += 1
            self._answer(503, b"<Error><Code>SlowDown</Code></Error>")
        elif self.command == "POST" and "uploads" in query:
            upload = hashlib.sha256(f"{key}{len(self.store.parts)}".encode()).hexdigest()
            self.store.parts[upload] = {}
            self._answer(200, _xml("InitiateMultipartUploadResult", Key=key, UploadId=upload))
        elif self.command == "POST" and "uploadId" in query:
            parts = self.store.parts.pop(query["uploadId"])
            self._put(key, b"".join(parts[number] for number in sorted(parts)))
            self._answer(200, _xml("CompleteMultipartUploadResult", Key=key, ETag='"1"'))
        elif self.command == "POST" and "delete" in query:
            names = re.findall(r"<Key>(.*?)</Key>", body.decode())
            for name in names:
                self.store.files.pop(unescape(name), None)
            deleted = "".join(f"<Deleted><Key>{name}</Key></Deleted>" for name in names)
            self._answer(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())
        elif self.command == "PUT" and "uploadId" in query:
            self.store.parts[query["uploadId"]][int(query["partNumber"])] = body
            self._answer(200)
        elif self.command == "PUT":
            self._put(key, body)
            self._answer(200)
        elif self.command == "DELETE":
            self.store.files.pop(key, None)
            self._answer(204)
        elif not key:
            self._list(query)
        else:
            self._get(key)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_one  # noqa: N815 - the names that the server calls

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _put(self, key: str, data: bytes) -> None:
        self.store.files[key] = (data, time.time())

    def _get(self, key: str) -> None:
        found = self.store.files.get(key)
        if found is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
            return
        data, put = found
        headers = {"Last-Modified": formatdate(put, usegmt=True)}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if wanted is None:
            self._answer(200, data, headers)
            return
        start, end = int(wanted[1]), min(int(wanted[2] or len(data) - 1), len(data) - 1)
        if start >= len(data):
            self._answer(416, b"", headers | {"Content-Range": f"bytes */{len(data)}"})
            return
        headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
        self._answer(206, data[start : end + 1], headers)

    def _list(self, query: dict[str, str]) -> None:
        found = sorted(key for key in list(self.store.files) if key.startswith(query.get("prefix", "")))
        items = []
        for key in found:
            data, put = self.store.files.get(key, (b"", 0.0))
            when = datetime.fromtimestamp(put, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            items.append(
                f"<Contents><Key>{escape(key)}</Key><LastModified>{when}</LastModified><ETag>&quot;1&quot;</ETag>"
                f"<Size>{len(data)}</Size></Contents>"
            )
        text = f"<ListBucketResult><IsTruncated>false</IsTruncated>{''.join(items)}</ListBucketResult>"
        self._answer(200, text.encode())

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("ETag", '"1"')
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


def _xml(name: str, **fields: str) -> bytes:
    inner = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in fields.items())
    return f"<{name}>{inner}</{name}>".encode()
