"""A small keyed sketch of the records of a data set: what intake hands over and the database keeps.

`app.overlap` makes sketches and compares them. This needs no numpy, which the side of intake that waits does without.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass

MOST = 4_096
"""Hashes of one sketch. Of 1 % of the records that two tables of any size share, it sees about forty."""
NO_LIMIT = 2**63 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Sketch:
    """The smallest hashes of one kind, in order."""

    limit: int
    """All hashes below it are here; NO_LIMIT where none was left out."""
    hashes: bytes
    """63-bit numbers in 8 bytes each, smallest byte first."""
    counts: bytes
    """How many records have each hash, at most 2^32 - 1, in 4 bytes each, compressed by zlib."""

    def __post_init__(self) -> None:
        if len(self.hashes) % 8 or len(self.hashes) > 8 * MOST:
            raise ValueError(f"expected at most {MOST} hashes of 8 bytes, got another length")
        if not 0 <= self.limit <= NO_LIMIT:
            raise ValueError("expected a limit of 63 bits, got another number")

    def to_json(self) -> dict[str, object]:
        """The sketch as JSON values; `from_json` reads them back."""
        return {
            "limit": self.limit,
            "hashes": b64encode(self.hashes).decode(),
            "counts": b64encode(self.counts).decode(),
        }

    @staticmethod
    def from_json(values: Mapping[str, object]) -> Sketch:
        """What `to_json` wrote. Raises KeyError or ValueError on anything else."""
        return Sketch(
            limit=int(str(values["limit"])),
            hashes=b64decode(str(values["hashes"]), validate=True),
            counts=b64decode(str(values["counts"]), validate=True),
        )
