"""Fresh values for columns that are not learnt: of the same kind and shape, never a value of the data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from synth.detect.checks import is_card, is_iban, national_module, validator
from synth.encode.base import Codes, EncodedColumn, Kind, Residuals, Selected, count_of, floats_of, text_of
from synth.encode.people import People, at_least
from synth.encode.personas import Personas, read_style, style_of
from synth.encode.shapes import HEX, Shape, fit_shapes, shape_of, shapes_from_json
from synth.errors import ArtifactError, ConditionError, TableError
from synth.table.arrow_types import is_text, parse_type
from synth.table.ranges import Range
from synth.written.surrogate import Replaced, SurrogateForm

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
MOST_DIGITS = 18
"""Decimals of more digits hold all integers of 64 bits, but for the largest."""
"""Of so many records in a row each shape gets its share."""
UNIQUE = 0.999
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
            return _wrapped(self._checked(shape.fresh(place)), self.of)
        again, place = divmod(place, shape.room)
        text = shape.fresh(place)
        code = text + str(again).rjust(max(1, self.longest + 1 - len(text)), "0")
        if self.dtype != "object" and int(code) >= 2**63:
            raise TableError(f"column {self.name!r}: expected fewer records, its integers leave no room for so many")
        return _wrapped(code, self.of)

    def _placed(self, number: int) -> tuple[Shape, int]:
        """(which shape, the how many-eth of it); of SLOTS records in a row each shape gets its share."""
        bounds = np.rint(np.cumsum([shape.share for shape in self.shapes]) * SLOTS).astype(int)
        turn, slot = divmod(number, SLOTS)
        slot = slot * 379 % SLOTS
        which = min(int(np.searchsorted(bounds, slot, side="right")), len(self.shapes) - 1)
        low = int(bounds[which - 1]) if which else 0
        return self.shapes[which], turn * (int(bounds[which]) - low) + slot - low

    def _checked(self, text: str) -> str:
        """The code with the right check digits, where any make it right."""
        if not self.check:
            return text
        return next((t for t in _variants(text, self.check) if _passes(t, self.check)), text)

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


def _wrapped(text: str, of: Replaced) -> str:
    """Codes of eight hexadecimal signs as web addresses, of six as ones in the network 10.0.0.0/8 or of cards."""
    if of is Replaced.URL:
        return f"{WEB}{text}"
    if of is Replaced.MAC:
        return CARDS + ":".join(text[i : i + 2].upper() for i in (0, 2, 4))
    if of is Replaced.IP:
        return "10." + ".".join(str(int(text[i : i + 2], 16)) for i in (0, 2, 4))
    return text


def _bare(text: str, of: Replaced) -> str:
    """What `_wrapped` makes into this text; the text where it makes nothing into it."""
    if of is Replaced.URL:
        return text.removeprefix(WEB)
    if of is Replaced.MAC:
        return text.upper().removeprefix(CARDS).replace(":", "").lower()
    parts = text.split(".")
    if len(parts) == 4 and parts[0] == "10" and all(p.isdigit() and int(p) < 256 for p in parts):
        return "".join(f"{int(p):02x}" for p in parts[1:])
    return text


def fit_surrogate(  # noqa: PLR0913 - all of it is known of the table alone
    column: pd.Series,
    form: SurrogateForm | None,
    rng: np.random.Generator,
    *,
    min_count: int,
    personas: Personas | None,
    taken: pd.Series | None = None,
    distinct: float | None = None,
    offset: int = 0,
) -> Surrogate:
    """What replaces the values of an identifier column. `taken` are further values that must not come out.

    `distinct` is how many distinct values there are to be for each record; as many as in the column where it is None.
    `personas` give names and addresses, the first of them the person numbered `offset`.
    """
    form = form or SurrogateForm(of=Replaced.CODE)
    present = column.dropna()
    whole = pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)
    texts = _texts(present, whole=whole)
    known = list(dict.fromkeys(texts))
    others = [] if taken is None else list(dict.fromkeys(_texts(taken.dropna(), whole=whole)))
    share = len(known) / len(texts) if texts else 1.0
    dtype = (str(column.dtype) if str(column.dtype) in DTYPES else "int64") if whole else "object"
    made = Surrogate(
        name=str(column.name),
        dtype=dtype,
        of=form.of,
        distinct=share if distinct is None else distinct,
        longest=max(map(len, [*known, *others]), default=1),
        refers_to=form.refers_to,
        offset=offset,
    )
    if form.of is Replaced.TEXT and not whole:
        return made
    if form.of in WRITTEN_BY and personas is not None and not whole:
        return replace(made, personas=personas, style=style_of(form.of, known[:500]))
    digits = form.of in {Replaced.CARD, Replaced.PHONE, Replaced.NATIONAL_ID, Replaced.IBAN, Replaced.DEVICE}
    of = Replaced.CODE if form.of in WRITTEN_BY or (whole and not digits) else form.of
    return _coded(replace(made, of=of), known, others, rng, min_count, whole=whole)


def _texts(present: pd.Series, *, whole: bool) -> list[str]:
    return [str(int(value)) for value in present] if whole else [str(value) for value in present]


def _coded(
    made: Surrogate, distinct: list[str], others: list[str], rng: np.random.Generator, least: int, *, whole: bool
) -> Surrogate:
    """With the shapes of the codes, and their check digits."""
    if made.of in (Replaced.IP, Replaced.URL, Replaced.MAC):
        signs = 8 if made.of is Replaced.URL else 6
        shape = shape_of((HEX[0],) * signs, [_bare(text, made.of) for text in (*distinct, *others)], rng)
        return replace(made, shapes=() if shape is None else (shape,), style=f"{made.name}-")
    check = _check_of(made.of, distinct)
    learnt = [_unchecked(text, check) for text in distinct] if check else distinct
    barred = [_unchecked(text, check) for text in others] if check else others
    shapes = fit_shapes(
        list(dict.fromkeys(learnt)),
        rng,
        least=least,
        whole=whole,
        taken=barred,
        fixed=lambda text: _check_places(text, check) if check else (),
    )
    if not shapes and whole:
        # too few to tell a shape: numbers of one digit more than any
        digits = len(str(10 ** max(made.longest, 5)))
        fresh = [str(n) for n in range(10 ** (digits - 1), 10 ** (digits - 1) + 9)]
        shapes = fit_shapes(fresh, rng, least=1, whole=True, taken=barred)
    prefix = f"{made.name}-"
    while any(text.startswith(prefix) for text in (*distinct, *others)):
        prefix = f"synthetic-{prefix}"
    return replace(made, shapes=shapes, check=check, style=prefix)


def _check_of(of: Replaced, texts: list[str]) -> str:
    some = texts[:200]
    if of is Replaced.IBAN and sum(map(is_iban, some)) > len(some) / 2:
        return "iban"
    if of in (Replaced.CARD, Replaced.DEVICE) and sum(map(is_card, some)) > len(some) / 2:
        return "luhn"
    return (national_module(some, 0.5) or "") if of is Replaced.NATIONAL_ID and some else ""


def _check_places(text: str, check: str) -> list[int]:
    """Where the check digits stand: the third and fourth sign of an IBAN, mostly the last one or two."""
    signs = [i for i, character in enumerate(text) if character.isalnum()]
    if check == "iban":
        return signs[2:4]
    if check in {"gb.utr", "fr.nif"}:
        return signs[:1] if check == "gb.utr" else signs[-3:]
    return signs[-2:] if check in {"fr.nir", "be.nn", "br.cpf", "no.fodselsnummer"} else signs[-1:]


def _unchecked(text: str, check: str) -> str:
    """The code with 0 or A for its check digits, so that a fresh code differs from all real ones elsewhere."""
    places = set(_check_places(text, check))
    return "".join(("0" if c.isdigit() else "A") if i in places else c for i, c in enumerate(text))


def _variants(text: str, check: str) -> Iterable[str]:
    """The code with all possible check digits."""
    places = _check_places(text, check)
    signs = "0123456789" if all(text[i].isdigit() for i in places) else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for number in range(len(signs) ** len(places)):
        changed, rest = list(text), number
        for place in places:
            rest, sign = divmod(rest, len(signs))
            changed[place] = signs[sign]
        yield "".join(changed)


def _passes(text: str, check: str) -> bool:
    if check in {"iban", "luhn"}:
        return is_iban(text) if check == "iban" else is_card(text)
    return validator(check)(text)


@dataclass(frozen=True, kw_only=True, slots=True)
class PresenceEncoder(Kind):
    """Whether an identifier is there: code 0 where it is, code 1 where it is missing."""

    surrogate: Surrogate

    @property
    def name(self) -> str:
        """The column's name."""
        return self.surrogate.name

    @property
    def width(self) -> int:
        """2: there or missing."""
        return 2

    @property
    def made_up(self) -> Surrogate:
        """What makes the values up."""
        return self.surrogate

    def missing_code(self) -> int:
        """1."""
        return 1

    def select(self, wanted: str | Range) -> Selected:  # noqa: ARG002 - of the protocol
        """Raises ConditionError: values are made up."""
        raise ConditionError(f"column {self.name!r}: expected a column that is learnt to condition on, got identifiers")

    def encode(self, column: pd.Series, rng: np.random.Generator) -> EncodedColumn:  # noqa: ARG002 - of the protocol
        """1 where the value is missing."""
        return EncodedColumn(codes=column.isna().to_numpy().astype(np.int32), residuals=None)

    def decode(self, codes: Codes, residuals: Residuals | None, rng: np.random.Generator) -> pd.Series:  # noqa: ARG002
        """Fresh values for records counted from 0, missing where the code says so."""
        return without(self.surrogate.draw(range(len(codes)), len(codes)), codes == 1)

    def to_arrow(self, codes: Codes, residuals: Residuals | None, rng: np.random.Generator) -> pa.Array:  # noqa: ARG002
        """The same as `decode`."""
        return arrow_without(self.surrogate.to_arrow(range(len(codes)), len(codes)), codes == 1)

    def to_json(self) -> dict[str, Any]:
        """The encoder's state as JSON values."""
        return {"encoder": "presence", "surrogate": self.surrogate.to_json()}

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> PresenceEncoder:
        """The encoder that `to_json` wrote. Raises ArtifactError on anything else."""
        surrogate = values.get("surrogate")
        if not isinstance(surrogate, dict):
            raise ArtifactError("presence: expected the state of a surrogate")
        return PresenceEncoder(surrogate=Surrogate.from_json(surrogate))


def without(values: pd.Series, absent: NDArray[np.bool_]) -> pd.Series:
    """The values of which some are missing."""
    if values.dtype == object:
        return values.where(~absent, None)
    return values.astype("Int64" if values.dtype.kind == "i" else values.dtype).mask(absent)


def arrow_without(values: pa.Array, absent: NDArray[np.bool_]) -> pa.Array:
    """The same as `without`."""
    return pa.compute.if_else(pa.array(~absent), values, pa.scalar(None, values.type))


def has_presence(column: pd.Series, people: People, min_count: int) -> bool:
    """Whether the identifier is there for enough people, and missing for enough others, to be learnt."""
    absent = column.isna().to_numpy()
    return bool(absent.any()) and at_least(people[absent], min_count) and at_least(people[~absent], min_count)
