"""How a table is divided into pieces, each of which is drawn from random numbers of its own; and into shards of pieces.

The random numbers of a piece follow from the seed and the number of the piece (`synth.randomness`), so that the table
is the same whoever draws which pieces, and in which order. Loads no torch: the worker divides, its children draw.
"""

from __future__ import annotations

PIECE = 16_384
"""Records of a piece: drawn and decoded at a time."""


def pieces_of(records: int) -> int:
    """How many pieces a table of so many records has, one at least."""
    return max(1, -(-records // PIECE))


def shards_of(records: int, shard_records: int) -> tuple[range, ...]:
    """The pieces of each shard, in order. A shard has about `shard_records` records, and one piece at least."""
    size, pieces = max(1, shard_records // PIECE), pieces_of(records)
    return tuple(range(begin, min(begin + size, pieces)) for begin in range(0, pieces, size))
