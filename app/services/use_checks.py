"""What each use takes, and whether records, model and sizes of a request fit it: all that needs no record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.errors import InvalidRequestError
from app.orm import DatasetRow, ModelRow
from app.services import checks
from app.services.conditions import check_condition_columns
from app.wire_jobs import RuleOptions, UseRequest
from synth.protection import FOREST_RECORDS
from synth.table.schema import ColumnRole, TableSchema
from synth.uses.sizes import FEWEST_TIMES, FEWEST_TO_ADAPT, MOST_OF_CORESET, TIMES


@dataclass(frozen=True, kw_only=True, slots=True)
class Takes:
    """What a use is made of, by the fields of its request."""

    needs: tuple[str, ...]
    may: tuple[str, ...] = ()
    of_release: bool = False
    """Whether a release may stand in place of data set and model."""
    all_columns: bool = False
    """Whether the records have to have all columns of the model."""
    times: int = 1
    """Tables that it makes where the request does not say."""
    fewest_times: int = 1


USES: Mapping[str, Takes] = {
    "complete": Takes(needs=("dataset_id", "model_id"), may=("times",)),
    "impute": Takes(
        needs=("dataset_id",),
        may=("times", "max_minutes", "target", *RuleOptions.model_fields),
        times=TIMES,
        fewest_times=FEWEST_TIMES,
    ),
    "odd": Takes(needs=("dataset_id", "model_id"), all_columns=True),
    "change": Takes(needs=("dataset_id", "model_id", "conditions"), of_release=True),
    "adapt": Takes(needs=("dataset_id", "like"), may=("max_minutes",)),
    "coreset": Takes(needs=("dataset_id", "model_id", "rows"), of_release=True, all_columns=True),
}
ALWAYS = frozenset({"use", "seed", "priority"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """What a request names, as the tenant has it."""

    dataset: DatasetRow
    records: int
    schema: TableSchema
    """Of the records"""
    model: ModelRow | None = None
    trained_on: DatasetRow | None = None
    """The data set of the model"""
    learnt: TableSchema | None = None
    """The schema of the model, with the roles that its job named"""
    like: DatasetRow | None = None

    @property
    def datasets(self) -> tuple[DatasetRow, ...]:
        """Those whose records or model the job reads, each once, in the order in which they are locked."""
        rows = (self.dataset, self.trained_on, self.like)
        found = {row.id: row for row in rows if row is not None}
        return tuple(found[each] for each in sorted(found))


def check_fields(request: UseRequest) -> None:
    """Raises InvalidRequestError, by field, where the use lacks something or has no place for it."""
    takes = USES[request.use]
    sent = request.model_dump(exclude_defaults=True).keys() - ALWAYS
    of_release = takes.of_release and "release_id" in sent
    needs = {"release_id", *takes.needs} - {"dataset_id", "model_id"} if of_release else set(takes.needs)
    for name in sorted(needs - sent, reverse=True):  # model_id before the conditions that name its columns
        beside = " or release_id" if takes.of_release and name in {"dataset_id", "model_id"} else ""
        raise InvalidRequestError(f"{name}: expected {name}{beside} for {request.use}, got none")
    for name in sorted(sent - needs - set(takes.may)):
        besides = " of a release" if of_release else ""
        raise InvalidRequestError(f"{name}: expected nothing here for {request.use}{besides}, which makes no use of it")
    if request.times is not None and request.times < takes.fewest_times:
        raise InvalidRequestError(f"times: expected {takes.fewest_times} or more for {request.use}, got fewer")
    if request.use == "coreset" and (request.rows or 0) > MOST_OF_CORESET:
        raise InvalidRequestError(
            f"rows: expected at most {MOST_OF_CORESET:,} records of a coreset, got more: for more of them take a sample"
        )
    if request.like is not None and request.like == request.dataset_id:
        raise InvalidRequestError("like: expected another data set than dataset_id, got the same one")


def check_fit(request: UseRequest, given: Given, most: int) -> None:
    """Raises InvalidRequestError where the records do not fit the model or one another, or too many are asked for.

    `most` is how many records a result may have.
    """
    if given.learnt is not None:
        _check_model(request, given, given.learnt)
    if given.like is not None:
        _check_like(given, given.like)
    if request.use == "impute":
        checks.check_target(given.schema, request.target)
        checks.check_rules(given.schema.with_roles(target=request.target), request.kept())
    times = request.times or USES[request.use].times
    if given.records * times > most:
        taken = "times" if given.records * USES[request.use].fewest_times <= most else _records_field(request)
        raise InvalidRequestError(f"{taken}: expected at most {most:,} records in all tables of the result, got more")


def _check_model(request: UseRequest, given: Given, learnt: TableSchema) -> None:
    field, names = _records_field(request), given.schema.names
    others = [name for name in names if name not in learnt.names]
    absent = [name for name in learnt.names if name not in names] if USES[request.use].all_columns else []
    for wrong, what in ((others, "others"), (absent, "missing")):
        if wrong:
            raise InvalidRequestError(
                f"{field}: expected the {len(learnt)} columns that the model knows, {len(wrong)} are {what}, "
                f"such as {wrong[0]!r}"
            )
    _check_kinds(field, given.schema, learnt, "the model")
    check_condition_columns(learnt, request.kept().given())
    if request.use == "coreset":
        if learnt.with_role(ColumnRole.TARGET) is None:
            raise InvalidRequestError("model_id: expected a model of a table with a target, got one without")
        if (request.rows or 0) > given.records:
            raise InvalidRequestError(f"rows: expected at most the {given.records:,} records that there are, got more")


def _check_like(given: Given, like: DatasetRow) -> None:
    schema = TableSchema.from_json(like.table_schema)
    others = sorted(set(given.schema.names) ^ set(schema.names))
    if others:
        raise InvalidRequestError(
            f"like: expected a data set of the same columns, {len(others)} differ, such as {others[0]!r}"
        )
    _check_kinds("like", schema, given.schema, "dataset_id")
    for field, each, records in (("dataset_id", given.schema, given.records), ("like", schema, like.rows)):
        if each.with_role(ColumnRole.PERSON) is not None:
            raise InvalidRequestError(
                f"{field}: expected records of people with one record each, got a data set with a person column"
            )
        if records < FEWEST_TO_ADAPT:
            raise InvalidRequestError(f"{field}: expected {FEWEST_TO_ADAPT} records or more to adapt, got {records}")
    together = given.records + like.rows
    if together < FOREST_RECORDS:
        raise InvalidRequestError(
            f"like: expected {FOREST_RECORDS} records or more in both data sets together to adapt, got {together}"
        )


def _check_kinds(field: str, schema: TableSchema, wanted: TableSchema, whose: str) -> None:
    """Raises InvalidRequestError where a column that is learnt is of another kind than it is wanted."""
    for column in schema:
        kind = wanted[column.name].kind if column.name in wanted.names else column.kind
        if kind.is_learnt and column.kind is not kind:
            raise InvalidRequestError(
                f"{field}: expected columns of the kinds of {whose}, got {column.name!r}, which is {column.kind} "
                f"in place of {kind}: correct its schema, or upload it without the column"
            )


def _records_field(request: UseRequest) -> str:
    """The field that names the records."""
    return "dataset_id" if request.release_id is None else "release_id"
