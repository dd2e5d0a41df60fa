"""Fresh values for columns that are not learnt: of the same kind and shape, never a value of the data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from synth.encode.base import count_of, floats_of, text_of
from synth.encode.check_digits import with_check_digits
from synth.encode.personas import Personas, read_style
from synth.encode.shapes import Shape, shapes_from_json
from synth.errors import ArtifactError, TableError
from synth.table.arrow_types import is_text, parse_type
from synth.written.surrogate import Replaced

DTYPES = ("object", "int64", "float64", "Int64")
PLACEHOLDER = "[text removed]"
"""Stands for free text."""
WRITTEN_BY = frozenset(
    {Replaced.NAME, Replaced.FIRST_NAME, Replaced.LAST_NAME, Replaced.USERNAME, Replaced.EMAIL, Replaced.ADDRESS}
)
"""Kinds that invented people give."""
WEB = "https://www.example.org/"
"""A name that is set aside for examples (RFC 2606)."""
CARDS = "02:00:00:"
"""Begins addresses of network cards that nobody was given: they are administered locally (IEEE 802)."""
SLOTS = 1_000
"""Of so many records in a row each shape gets its share."""
MOST_DIGITS = 18
"""Decimals of more digits hold all integers of 64 bits, but for the largest."""
UNIQUE = 0.999
"""From this share of distinct values on, no value repeats."""
SPREAD = 2_654_435_761
"""A prime (Knuth, The Art of Computer Programming 6.4): its multiples are far apart in any order of magnitude."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Surrogate:
    """What replaces the values of one column. The same record of the same table always gets the same value."""

    name: str
    dtype: str
    of: Replaced
    shapes: tuple[Shape, ...] = ()
    check: str = ""
    """Which check digits codes have: `iban`, `luhn`, or a module of python-stdnum."""
    personas: Personas | None = None
    style: str = "first-title"
    distinct: float = 1.0
    """How many distinct values there are for each record."""
    longest: int = 0
    """Codes beyond the room of all shapes are longer than any real one."""
    refers_to: str | None = None
    offset: int = 0
    """Which invented person comes first."""

    def numbers(self, records: Iterable[int], total: int) -> list[int]:
        """For each of these of `total` records the number of its value; values repeat as often as the real ones."""
        most = max(1, round(self.distinct * total))
        return list(records) if self.distinct >= UNIQUE else [n * SPREAD % most for n in records]

    def texts(self, numbers: Iterable[int], total: int) -> list[str]:
        """The values of these of `total` records, as text."""
        if self.of is Replaced.TEXT:
            return [PLACEHOLDER for _ in numbers]
        if self.personas is not None:
            return [self.personas.write(self.of, self.style, n + self.offset) for n in self.numbers(numbers, total)]
        return [self._code(n) for n in self.numbers(numbers, total)]

    def referring(self, other: Surrogate, numbers: Iterable[int], total: int) -> list[str]:
        """Values of another column's records, as a manager's id is that of an employee."""
        return other.texts(self.numbers(numbers, total), total)

    def _code(self, number: int) -> str:
        """The fresh code of this number: of each shape in proportion, then longer ones."""
        if not self.shapes:
            return f"{self.style}{number + 1:06}"
        shape, place = self._placed(number)
        if place < shape.room:
            return wrapped(with_check_digits(shape.fresh(place), self.check), self.of)
        again, place = divmod(place, shape.room)
        text = shape.fresh(place)
        code = text + str(again).rjust(max(1, self.longest + 1 - len(text)), "0")
        if self.dtype != "object" and int(code) >= 2**63:
            raise TableError(f"column {self.name!r}: expected fewer records, its integers leave no room for so many")
        return wrapped(code, self.of)

    def _placed(self, number: int) -> tuple[Shape, int]:
        """(the shape, the number of the code within it); of SLOTS records in a row each shape gets its share."""
        bounds = np.rint(np.cumsum([shape.share for shape in self.shapes]) * SLOTS).astype(int)
        turn, slot = divmod(number, SLOTS)
        slot = slot * 379 % SLOTS
        which = min(int(np.searchsorted(bounds, slot, side="right")), len(self.shapes) - 1)
        low = int(bounds[which - 1]) if which else 0
        return self.shapes[which], turn * (int(bounds[which]) - low) + slot - low

    def draw(self, numbers: Sequence[int] | range, total: int, other: Surrogate | None = None) -> pd.Series:
        """The values of these of `total` records; with an `other` column, values of that one."""
        texts = self.texts(numbers, total) if other is None else self.referring(other, numbers, total)
        if self.dtype == "object":
            return pd.Series(texts, name=self.name, dtype=object)
        values = np.array([int(text) for text in texts], dtype=np.int64)
        return pd.Series(values, name=self.name).astype(pd.api.types.pandas_dtype(self.dtype))

    def to_arrow(self, numbers: Sequence[int] | range, total: int, other: Surrogate | None = None) -> pa.Array:
        """The same as `draw`."""
        texts = self.texts(numbers, total) if other is None else self.referring(other, numbers, total)
        if self.dtype == "object":
            return pa.array(texts, pa.string())
        whole = pa.array([int(text) for text in texts], pa.int64())
        return whole.cast(pa.float64()) if self.dtype == "float64" else whole

    def fits(self, arrow_type: str) -> bool:
        """Whether all values are of this type. Integers of few bytes have no room for further ones."""
        if not arrow_type:
            return True
        kind = parse_type(arrow_type)
        if pa.types.is_dictionary(kind) and kind.index_type.bit_width < 32:
            return False  # each record may have a code of its own
        if self.dtype == "object":
            return is_text(kind.value_type if pa.types.is_dictionary(kind) else kind)
        if kind in (pa.int64(), pa.uint64(), pa.float64()):
            return True
        if pa.types.is_decimal(kind):
            return bool(kind.scale == 0 and kind.precision > MOST_DIGITS)
        largest = max((int("".join(map(max, shape.alphabets))) for shape in self.shapes), default=10**self.longest)
        return kind in (pa.int32(), pa.uint32()) and largest < 2 ** (31 if kind == pa.int32() else 32)

    def to_json(self) -> dict[str, Any]:
        """The state as JSON values."""
        return {
            "encoder": "identifier",
            "name": self.name,
            "dtype": self.dtype,
            "of": self.of.value,
            "shapes": [shape.to_json() for shape in self.shapes],
            "check": self.check,
            "personas": None if self.personas is None else self.personas.to_json(),
            "style": self.style,
            "distinct": [self.distinct],
            "longest": self.longest,
            "refers_to": self.refers_to,
            "offset": self.offset,
        }

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Surrogate:
        """The surrogate that `to_json` wrote. Raises ArtifactError on anything else."""
        of = Replaced(text_of(values, "of", among=[kind.value for kind in Replaced]))
        personas, check, refers_to = values.get("personas"), text_of(values, "check"), values.get("refers_to")
        if refers_to is not None and not isinstance(refers_to, str):
            raise ArtifactError("refers_to: expected the name of a column or null")
        if check and not re.fullmatch(r"iban|luhn|[a-z]{2}_?\.[a-z]+", check):
            raise ArtifactError("check: expected a known kind of check digits")
        shapes = shapes_from_json(values)
        written = of in WRITTEN_BY
        if written is (personas is None):
            raise ArtifactError("personas: expected for names, addresses and e-mail addresses alone")
        distinct = floats_of(values, "distinct")
        if len(distinct) != 1 or not 0 <= distinct[0] <= 1:
            raise ArtifactError("distinct: expected a share")
        return Surrogate(
            name=text_of(values, "name"),
            dtype=text_of(values, "dtype", among=DTYPES),
            of=of,
            shapes=shapes,
            check=check,
            personas=None if personas is None else Personas.from_json(personas),
            style=read_style(values) if written else text_of(values, "style"),
            distinct=distinct[0],
            longest=count_of(values, "longest"),
            refers_to=refers_to,
            offset=count_of(values, "offset"),
        )


def wrapped(text: str, of: Replaced) -> str:
    """A hexadecimal code as an address: of the web (8 digits), in the network 10.0.0.0/8 or of a network card (6)."""
    if of is Replaced.URL:
        return f"{WEB}{text}"
    if of is Replaced.MAC:
        return CARDS + ":".join(text[i : i + 2].upper() for i in (0, 2, 4))
    if of is Replaced.IP:
        return "10." + ".".join(str(int(text[i : i + 2], 16)) for i in (0, 2, 4))
    return text


def unwrapped(text: str, of: Replaced) -> str:
    """The code that `wrapped` turns into this text; the text itself where there is none."""
    if of is Replaced.URL:
        return text.removeprefix(WEB)
    if of is Replaced.MAC:
        return text.upper().removeprefix(CARDS).replace(":", "").lower()
    parts = text.split(".")
    if len(parts) == 4 and parts[0] == "10" and all(p.isdigit() and int(p) < 256 for p in parts):
        return "".join(f"{int(p):02x}" for p in parts[1:])
    return text


def without(values: pd.Series, absent: NDArray[np.bool_]) -> pd.Series:
    """The values of which some are missing."""
    if values.dtype == object:
        return values.where(~absent, None)
    return values.astype("Int64" if values.dtype.kind == "i" else values.dtype).mask(absent)


def arrow_without(values: pa.Array, absent: NDArray[np.bool_]) -> pa.Array:
    """The same as `without`."""
    return pa.compute.if_else(pa.array(~absent), values, pa.scalar(None, values.type))
