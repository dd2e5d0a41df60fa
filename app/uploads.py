"""A file that comes as a request's body, streamed to disk: hashed and counted on the way, never held in memory."""

from __future__ import annotations

import asyncio
import hashlib
import re
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from anyio import CancelScope, CapacityLimiter, move_on_after
from anyio.to_thread import run_sync
from fastapi import Request
from starlette.requests import ClientDisconnect

from app.errors import InvalidRequestError, MalformedBodyError, PayloadTooLargeError
from app.multipart import MAX_PART_BYTES, OPTIONS, MultipartReader, boundary_of
from app.scratch import UPLOAD, claim, give_back
from app.turns import Turns

WATCH_SECONDS = 1.0
Result = TypeVar("Result")
WRITE_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """A received file. It lies in `folder`, which vanishes with the request."""

    folder: Path
    path: Path
    filename: str | None
    """What the sender calls it, without folders and control characters."""
    bytes: int
    sha256: str
    texts: Mapping[str, str]
    """The other parts of a multipart body, by name, as they came."""

    @property
    def options(self) -> str | None:
        """The multipart part `options`."""
        return self.texts.get(OPTIONS)


class Source(Protocol):
    """What turns chunks of a body into chunks of the file."""

    filename: str | None
    texts: dict[str, bytes]

    def feed(self, chunk: bytes) -> list[bytes]:
        """The pieces of the file in a chunk of the body."""

    def close(self) -> None:
        """Raises MalformedBodyError where the body is not complete."""


class RawReader:
    """The body is the file."""

    filename: str | None = None

    def __init__(self) -> None:
        self.texts: dict[str, bytes] = {}

    def feed(self, chunk: bytes) -> list[bytes]:
        """The chunk itself."""
        return [chunk]

    def close(self) -> None:
        """A raw body ends where it ends."""


@asynccontextmanager
async def receive(
    request: Request,
    scratch: Path,
    limit: int,
    names: Collection[str] = (OPTIONS,),
    came: dict[str, str] | None = None,
) -> AsyncIterator[Upload]:
    """The file in this request, at most `limit` bytes, and parts of text of these names.

    When the block ends, however it ends, nothing of it is left. `came` gets the texts that came before whatever is
    raised, so that a form can be shown again.

    Raises PayloadTooLargeError on more bytes, MalformedBodyError on a broken multipart body, and Starlette's
    ClientDisconnect where the sender went away.
    """
    content_type = request.headers.get("content-type", "")
    reader: Source = (
        MultipartReader(boundary_of(content_type), names)
        if content_type.lower().startswith("multipart/form-data")
        else RawReader()
    )
    framing = 0 if isinstance(reader, RawReader) else MAX_PART_BYTES
    if came is None:  # else the texts are wanted, which come first
        _refuse_declared(request, limit + framing)
    folder, descriptor = await run_sync(claim, scratch, UPLOAD)
    try:
        path = folder / "upload"
        with path.open("wb") as file:
            sink = Sink(file, limit)
            body_bytes = 0
            async for chunk in request.stream():
                body_bytes += len(chunk)
                _refuse_more(body_bytes, limit + framing)
                for piece in reader.feed(chunk):
                    await sink.take(piece)
            reader.close()
            await sink.flush()
        yield Upload(
            folder=folder,
            path=path,
            filename=clean_name(reader.filename),
            bytes=sink.bytes,
            sha256=sink.hash.hexdigest(),
            texts={name: _text(name, part) for name, part in reader.texts.items()},
        )
    finally:
        if came is not None:
            came |= {name: part.decode("utf-8", "replace") for name, part in reader.texts.items()}
        with CancelScope(shield=True):
            await run_sync(give_back, folder, descriptor)


async def in_turn(request: Request, turns: Turns, tenant_id: str, work: Callable[[threading.Event], Result]) -> Result:
    """The result of `work`, done in a thread when it is the tenant's turn.

    Its event is set, and waiting ends, once whoever sent the request has gone: nobody wants the result then.
    """
    gone, waiting = threading.Event(), CancelScope()

    async def watch() -> None:
        while True:
            # begun anew now and then: reading pauses where another request was sent behind this one
            with move_on_after(WATCH_SECONDS):
                if (await request.receive())["type"] == "http.disconnect":
                    break
        gone.set()
        waiting.cancel()

    watching = asyncio.create_task(watch())
    try:
        with waiting:
            async with turns.turn(tenant_id):
                with CancelScope(shield=True):  # a thread cannot be cancelled: it ends soon once the event is set
                    return await run_sync(work, gone, limiter=CapacityLimiter(1))
    finally:
        watching.cancel()
    raise ClientDisconnect


class Sink:
    """Gathers small pieces, then hashes and writes them in a thread, so that a slow disk stops nobody else."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self.file = file
        self.limit = limit
        self.bytes = 0
        self.hash = hashlib.sha256()
        self._waiting = bytearray()

    async def take(self, piece: bytes) -> None:
        """Count the piece, and write once enough has gathered. Raises PayloadTooLargeError beyond the limit."""
        self.bytes += len(piece)
        _refuse_more(self.bytes, self.limit)
        self._waiting += piece
        if len(self._waiting) >= WRITE_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Write what has gathered."""
        waiting, self._waiting = self._waiting, bytearray()
        await run_sync(self._write, waiting)

    def _write(self, data: bytearray) -> None:
        self.hash.update(data)
        self.file.write(data)


@contextmanager
def scratch_folder(scratch: Path) -> Iterator[Path]:
    """A folder for an upload that was stored and is read anew; it vanishes with the block, or with `sweep`."""
    folder, descriptor = claim(scratch, UPLOAD)
    try:
        yield folder
    finally:
        give_back(folder, descriptor)


def clean_name(name: str | None) -> str | None:
    """The last part of a file name without control characters, at most 200 of the rest; None where none is left."""
    last = re.split(r"[/\\]", name or "")[-1]
    return re.sub(r"[\x00-\x1f\x7f]", "", last).strip()[:200] or None


def _refuse_declared(request: Request, limit: int) -> None:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal():
        _refuse_more(int(declared), limit)


def _refuse_more(count: int, limit: int) -> None:
    if count > limit:
        raise PayloadTooLargeError(f"expected at most {limit} bytes, got more")


def _text(name: str, part: bytes) -> str:
    try:
        return part.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedBodyError(f"expected the part {name!r} in UTF-8, got other bytes") from error


def require_file(upload: Upload) -> None:
    """Raises InvalidRequestError where not one byte came."""
    if upload.bytes == 0:
        raise InvalidRequestError(
            "expected a file of at least one byte, got an empty one; export the table again, or choose another file"
        )
