"""A report's document as what was asked for: for one of the two audiences, as JSON, page or PDF."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from app.report.audience import Audience, Kind
from app.report.share import ShareError, shareable


def rendition(raw: bytes, audience: Audience, kind: Kind) -> bytes:
    """The file of a report, of which `raw` is the document's file.

    The document of the internal report is given as it is, byte for byte: certificates name its hash. Raises ShareError
    where there is no such report to pass on, and ValueError where the document is none.
    """
    document: Any = json.loads(raw)
    if not isinstance(document, dict):
        raise ShareError("expected a report of the format lookalike.report/1, got another document")
    if audience is Audience.SHAREABLE:
        document = shareable(document)
        raw = (json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode()
    if kind is Kind.JSON:
        return raw
    if kind is Kind.HTML:
        from app.report.page import render  # noqa: PLC0415 - it loads the drawing library

        return render(document).encode()
    from app.report.pdf import render_pdf  # noqa: PLC0415 - it loads the typesetter

    return render_pdf(document, hashlib.sha256(raw).hexdigest())
