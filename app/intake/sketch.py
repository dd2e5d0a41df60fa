"""What a tenant's other data sets are compared with: keyed hashes of the records of a table, of several kinds.

`record` hashes all cells of a record with the names of their columns, in any order. `without0` to `without7` leave out
the columns of one of eight classes, by name: one column more, less or edited leaves one of them as it was for all
records. `half0` and `half1` hash the cells of one of two classes, by the cell: a few columns more, less or edited leave
some records as they were. `renamed`, `renamed0` and `renamed1` do so without the names. Missing cells count as no
cells, and so do identifiers and counters: numbering two tables from 1 makes their records no more alike. `identifier`
hashes the single identifiers that are no counters, such as e-mail addresses; those of the person column once for each
person.

Hashes are SipHash-2-4 (Aumasson & Bernstein 2012), a pseudorandom function under a key of the tenant's own: without the
key nobody can hash a guessed record, nor tell whether two tenants hold the same one.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from app.intake.engine import rows_at_once
from app.intake.numerals import as_numbers
from app.overlap import Smallest
from app.sketches import Sketch
from synth.table.schema import ColumnRole, TableSchema

Words = NDArray[np.uint64]

FIRST_BITS = 24
NEAR = 8_192
"""Words hashed at a time: so few that they stay near the processor."""
CLASSES = 8
HIGHEST = np.uint64(63)
"""The highest bit of a cell's hash is the half that it is in."""
DIGITS = 9
"""Numbers that agree in so many significant digits are the same, whatever a file format did to the rest."""
KINDS = ("record", *(f"without{i}" for i in range(CLASSES)), "half0", "half1", "renamed", "renamed0", "renamed1")
IDENTIFIER = "identifier"
COUNTER = r"^\D*\d+\D*$"
"""Text with one number in it: a counter, or as likely to be in another table by chance."""
FEWEST_CHARACTERS = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class _Keys:
    """What is derived from a tenant's key."""

    number: tuple[int, int]
    moment: tuple[int, int]
    text: str
    """16 characters, as pandas wants them."""
    text_word: tuple[int, int]
    column: bytes
    kinds: tuple[tuple[int, int], ...]
    identifier: tuple[int, int]


def sketch_table(table: Path, schema: TableSchema, key: bytes) -> Mapping[str, Sketch]:
    """The sketches of the records of a Parquet file that intake wrote, by kind. A few thousand records at a time.

    `schema` says which columns are identifiers, and which of them names people.
    """
    keys = _keys(key)
    kept = {kind: Smallest() for kind in (*KINDS, IDENTIFIER)}
    people = Smallest()
    with pq.ParquetFile(table) as file:
        compared = [
            spec.name for i, spec in enumerate(schema) if spec.kind.is_learnt and not _is_counter(file.metadata, i)
        ]
        names = {name: _name(keys, name) for name in compared}
        for batch in file.iter_batches(batch_size=rows_at_once(len(schema)), use_threads=False):
            for kind, words, own in zip(KINDS, _records(batch, names, keys), keys.kinds, strict=True):
                kept[kind].add(_record_hashes(words, own, kept[kind].limit))
            for name in schema.identifiers:
                is_person = schema[name].role is ColumnRole.PERSON
                (people if is_person else kept[IDENTIFIER]).add(_identifiers(batch.column(name), keys))
    kept[IDENTIFIER].add_once(people)
    return {kind: smallest.sketch() for kind, smallest in kept.items()}


def _is_counter(metadata: pq.FileMetaData, column: int) -> bool:
    """Whether these are integers of which there are about as many as records, one beside another."""
    parts = [metadata.row_group(group).column(column).statistics for group in range(metadata.num_row_groups)]
    told = [part for part in parts if part is not None and part.has_min_max and isinstance(part.min, int)]
    if not told:
        return False
    apart = max(part.max for part in told) - min(part.min for part in told) + 1
    return bool(metadata.num_rows / 2 <= apart <= 2 * metadata.num_rows)


def _identifiers(column: pa.Array, keys: _Keys) -> Words:
    """The hashes of the identifiers that are text, long and no counters, one for each record that has one."""
    if not pa.types.is_string(column.type):
        return np.empty(0, dtype=np.uint64)
    coded = column.drop_null().dictionary_encode()
    texts = pc.utf8_trim_whitespace(coded.dictionary)
    telling = pc.and_(
        pc.greater_equal(pc.utf8_length(texts), FEWEST_CHARACTERS), pc.invert(pc.match_substring_regex(texts, COUNTER))
    )
    index = coded.indices.to_numpy(zero_copy_only=False)
    index = index[np.asarray(telling)[index]]
    return _hashed(_texts(coded.dictionary, keys)[index], keys.identifier)


def _record_hashes(words: Words, key: tuple[int, int], limit: int) -> Words:
    """The hashes of 63 bits that are below `limit`, and few others; none for records without a cell of the kind.

    The highest bits, which decide which are kept, are a cheap mixture of sums that are pseudorandom already; the others
    are SipHash, which then is computed for few records.
    """
    first = _mixed(words ^ np.uint64(key[0])) >> np.uint64(64 - FIRST_BITS)
    candidates = (first <= np.uint64(limit >> (63 - FIRST_BITS))) & (words != 0)
    rest = siphash(words[candidates], key) >> np.uint64(1 + FIRST_BITS)
    hashed: Words = first[candidates] << np.uint64(63 - FIRST_BITS) | rest
    return hashed


def _hashed(words: Words, key: tuple[int, int]) -> Words:
    """Hashes of 63 bits, which databases hold."""
    return siphash(words, key) >> np.uint64(1)


def siphash(words: Words, key: tuple[int, int]) -> Words:
    """SipHash-2-4 of each word, as the 8 bytes that it is in little-endian order."""
    hashed = np.empty(len(words), dtype=np.uint64)
    for begin in range(0, len(words), NEAR):
        some = slice(begin, begin + NEAR)
        hashed[some] = _siphash(words[some], *(np.uint64(half) for half in key))
    return hashed


def _siphash(words: Words, first: np.uint64, second: np.uint64) -> Words:
    v = (
        np.full(len(words), first ^ np.uint64(0x736F6D6570736575)),
        np.full(len(words), second ^ np.uint64(0x646F72616E646F6D)),
        np.full(len(words), first ^ np.uint64(0x6C7967656E657261)),
        np.full(len(words), second ^ np.uint64(0x7465646279746573)),
    )
    spare = np.empty(len(words), dtype=np.uint64)
    for block in (words, np.uint64(8 << 56)):  # the last block holds the length
        np.bitwise_xor(v[3], block, out=v[3])
        _rounds(v, spare, 2)
        np.bitwise_xor(v[0], block, out=v[0])
    np.bitwise_xor(v[2], np.uint64(0xFF), out=v[2])
    _rounds(v, spare, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _rounds(v: tuple[Words, Words, Words, Words], spare: Words, times: int) -> None:
    for _ in range(times):
        for into, by, bits in ((0, 1, 13), (2, 3, 16)):
            _add_turn_mix(v[into], v[by], bits, spare)
        _turn(v[0], 32, spare)
        for into, by, bits in ((2, 1, 17), (0, 3, 21)):
            _add_turn_mix(v[into], v[by], bits, spare)
        _turn(v[2], 32, spare)


def _add_turn_mix(into: Words, by: Words, bits: int, spare: Words) -> None:
    np.add(into, by, out=into)
    _turn(by, bits, spare)
    np.bitwise_xor(by, into, out=by)


def _turn(words: Words, bits: int, spare: Words) -> None:
    """Rotates the bits of each word to the left, in place."""
    np.left_shift(words, np.uint64(bits), out=spare)
    np.right_shift(words, np.uint64(64 - bits), out=words)
    np.bitwise_or(words, spare, out=words)


def _keys(key: bytes) -> _Keys:
    def derived(name: str) -> bytes:
        return hmac.digest(key, name.encode(), "sha256")

    def words(name: str) -> tuple[int, int]:
        return int.from_bytes(derived(name)[:8], "little"), int.from_bytes(derived(name)[8:16], "little")

    return _Keys(
        number=words("number"),
        moment=words("moment"),
        text=derived("text").hex()[:16],
        text_word=words("text word"),
        column=derived("column"),
        kinds=tuple(words(f"kind {kind}") for kind in KINDS),
        identifier=words(f"kind {IDENTIFIER}"),
    )


def _name(keys: _Keys, name: str) -> np.uint64:
    """What tells the cells of this column from those of others: its name, whatever its case and the spaces round it."""
    told = hmac.digest(keys.column, name.strip().casefold().encode("utf-8", "surrogatepass"), "sha256")
    return np.uint64(int.from_bytes(told[:8], "little") | 1)


def _records(batch: pa.RecordBatch, names: Mapping[str, np.uint64], keys: _Keys) -> list[Words]:
    """One word per record for each of KINDS, 0 where it has no such cell: sums of hashes, so that no order counts."""
    classes = np.zeros((CLASSES, batch.num_rows), dtype=np.uint64)
    half, renamed, renamed_half = (np.zeros(batch.num_rows, dtype=np.uint64) for _ in range(3))
    for column, name in names.items():
        cells, there = _cells(batch.column(column), keys)
        cells *= there
        renamed += cells
        renamed_half += cells * (cells >> HIGHEST)
        cells = _mixed(cells * name)  # 0 stays 0
        classes[int(name) >> 1 & CLASSES - 1] += cells
        half += cells * (cells >> HIGHEST)
    record = classes.sum(axis=0, dtype=np.uint64)
    halves = [record - half, half, renamed, renamed - renamed_half, renamed_half]
    return [record, *(record - each for each in classes), *halves]


def _mixed(words: Words) -> Words:
    """A bijection that leaves no bit where it was (the second half of SplitMix64, Steele, Lea & Flood 2014)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Words = words ^ (words >> np.uint64(31))
    return mixed


def _cells(column: pa.Array, keys: _Keys) -> tuple[Words, NDArray[np.bool_]]:
    """(the hash of each cell, whether there is a value). A number hashes alike as integer, as decimal and as text."""
    there = np.asarray(column.is_valid())
    if pa.types.is_timestamp(column.type):
        moments = pc.fill_null(column.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
        return siphash(moments.view(np.uint64), keys.moment), there
    if pa.types.is_integer(column.type):
        whole = pc.fill_null(column, 0).to_numpy(zero_copy_only=False)
        return siphash(_number_words(whole.astype(np.float64)), keys.number), there
    if pa.types.is_floating(column.type):
        return siphash(_number_words(pc.fill_null(column, 0.0).to_numpy(zero_copy_only=False)), keys.number), there
    column = pc.fill_null(column, "")
    there = there & np.asarray(pc.not_equal(column, ""))  # other formats cannot tell an empty text from a missing one
    coded = column.dictionary_encode()
    return _texts(coded.dictionary, keys)[coded.indices.to_numpy(zero_copy_only=False)], there


def _texts(texts: pa.Array, keys: _Keys) -> Words:
    plain = pc.utf8_lower(pc.utf8_trim_whitespace(texts)).to_numpy(zero_copy_only=False)
    words: Words = siphash(pd.util.hash_array(plain, hash_key=keys.text, categorize=False), keys.text_word)
    numbers = as_numbers(pd.Series(plain, dtype=object)).to_numpy(dtype=np.float64)
    finite = np.isfinite(numbers)
    words[finite] = siphash(_number_words(numbers[finite]), keys.number)
    return words


def _number_words(numbers: NDArray[np.float64]) -> Words:
    """The bits of each number: of whole ones exactly, of others rounded to DIGITS significant digits."""
    out = numbers + 0.0  # -0 is 0
    broken = out != np.round(out)
    if broken.any():
        some = out[broken]
        with np.errstate(over="ignore"):
            factor = 10.0 ** (DIGITS - 1 - np.floor(np.log10(np.abs(some))))
        near = np.isfinite(factor) & (factor > 0)
        some[near] = np.round(some[near] * factor[near]) / factor[near]
        out[broken] = some
    return out.view(np.uint64)
