"""Files in answers: which format was asked for, conditional requests and ranges (RFC 9110 §12, §13, §14)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from app.blob_file import VerifiedFile
from app.blobs import Blobs
from app.errors import NotAcceptableError, RangeError


def negotiate(accept: str | None, offered: Sequence[str]) -> str:
    """The offered media type that the Accept header likes best; the first offered where it likes several the same.

    Raises NotAcceptableError where it likes none.
    """
    ranges = [_media_range(part) for part in (accept or "*/*").split(",") if part.strip()]
    best, best_quality = "", 0.0
    for media_type in offered:
        fitting = [(precision, quality) for wanted, quality in ranges if (precision := _fit(wanted, media_type))]
        quality = max(fitting)[1] if fitting else 0.0
        if quality > best_quality:
            best, best_quality = media_type, quality
    if not best:
        raise NotAcceptableError(f"expected an Accept header that allows {' or '.join(offered)}, got another one")
    return best


def _media_range(text: str) -> tuple[str, float]:
    media_type, *parameters = (part.strip().lower() for part in text.split(";"))
    quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
    return media_type, float(quality) if re.fullmatch(r"[01](\.\d{0,3})?", quality) else 0.0


def _fit(wanted: str, offered: str) -> int:
    """How exactly a media range names a media type: 0 not at all, 3 by its full name."""
    if wanted == offered:
        return 3
    if wanted == f"{offered.partition('/')[0]}/*":
        return 2
    return 1 if wanted == "*/*" else 0


def attachment(filename: str) -> dict[str, str]:
    """Headers of a file that a browser saves, and asks for again each time."""
    return {
        "Content-Disposition": f'attachment; filename="{filename}"',
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
    }


def serve(request: Request, blobs: Blobs, *, key: str, etag: str, media_type: str, filename: str) -> Response:
    """The stored file: whole (200), a part (206), or nothing where the client has it already (304).

    Raises RangeError where it has no such part, NotFoundError where it is gone, and ArtifactChangedError where it is
    not the file that was published.
    """
    tag = f'"{etag}"'
    headers = {
        **attachment(filename),
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Vary": "Accept, Authorization",
    }
    known = {part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    file = blobs.verified(key, etag)
    size = file.size
    part = _wanted_part(request, tag, size)
    start, end = part or (0, size)
    headers["Content-Length"] = str(end - start)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    chunks = begun(file, start, end)
    return StreamingResponse(chunks, status_code=200 if part is None else 206, headers=headers, media_type=media_type)


def begun(file: VerifiedFile, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The bytes from `start` to `end`, of which the first chunk is read already.

    Raises ArtifactChangedError where they are not those that were published, while the answer can still be another.
    """
    chunks = file.stream(start, end)
    return chain((next(chunks, b""),), chunks)


def _wanted_part(request: Request, tag: str, size: int) -> tuple[int, int] | None:
    """First byte and end (exclusive) of the one range that was asked for; None for the whole file.

    Several ranges at once, other units and malformed headers get the whole file, as RFC 9110 §14.2 allows.
    """
    match = re.fullmatch(r"\s*bytes\s*=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*", request.headers.get("range", ""), re.ASCII)
    if match is None or not any(match.groups()) or request.headers.get("if-range", tag) != tag:
        return None
    first, last = match.groups()
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last) + 1, size) if first and last else size
    if start >= size:
        raise RangeError(
            f"expected a range within {size} bytes, got one beyond them", headers={"Content-Range": f"bytes */{size}"}
        )
    return start, end
