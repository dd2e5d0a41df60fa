"""What is in a PDF: its text, as a reader takes it out."""

from __future__ import annotations

import io

from pypdf import PdfReader


def opened(made: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(made))


def text_of(made: bytes) -> str:
    """All text, without the places at which long words may break."""
    return "\n".join(page.extract_text() for page in opened(made).pages).replace("\u200b", "")


def squeezed(text: str) -> str:
    """The text without any space, since a line may break anywhere."""
    return "".join(text.split())
