"""Names and e-mail addresses of people who use the service: which are taken, and when two names are the same."""

from __future__ import annotations

import re
import unicodedata

MOST_CHARACTERS = 100
MOST_OF_ADDRESS = 254
"""RFC 5321 §4.5.3.1.3."""
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of characters that cannot be seen or that turn the order of others: zero-width, bidirectional."""
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""What is shown as nothing though it is a letter, a mark or a sign by its category: `Default_Ignorable_Code_Point` of
the Unicode Character Database, and the blank of Braille.
"""
_ADDRESS = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*")
"""That of HTML's <input type=email>, in lower case."""


def plain_name(text: str) -> str:
    """The name in NFC with single spaces. Raises ValueError where it is empty, too long, or has characters that cannot
    be seen: two people whose names look alike must not differ in those alone.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name or len(name) > MOST_CHARACTERS:
        raise ValueError(f"expected a name of 1 to {MOST_CHARACTERS} characters")
    if any(_is_unseen(character) for character in name):
        raise ValueError("expected a name without control, zero-width or bidirectional characters, got one with some")
    if not any(character.isalpha() for character in name):
        raise ValueError("expected a name with a letter in it")
    return name


def plain_email(text: str) -> str:
    """The address in lower case. Raises ValueError where it is none or not of ASCII."""
    address = text.strip().lower()
    if len(address) > MOST_OF_ADDRESS or not _ADDRESS.fullmatch(address):
        raise ValueError("expected an e-mail address of ASCII characters such as ada@example.org")
    return address


def folded(name: str) -> str:
    """What names have in common that differ at most in capitals, spaces, width, or characters nobody sees."""
    shown = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in shown if not c.isspace() and not _is_unseen(c)) or name


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN or _BLANK.match(character) is not None
