"""How a file and its options come in one request: parsed here, described here for OpenAPI."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.errors import InvalidRequestError
from app.intake.model import MAX_FOOTER, MAX_HEADER_ROWS, ReadOptions
from app.problems import from_validation
from app.uploads import Upload, clean_name
from app.wire_fields import (
    Ask,
    Augmented,
    BrokenRules,
    FindRules,
    Mixes,
    ObjectiveOfJob,
    PriorityOfJob,
    RetentionDays,
    Rows,
    Rules,
    Secrets,
    Seed,
    ShadowModels,
    Source,
    ToleranceOfJob,
    WithoutRules,
)
from app.wire_jobs import GeneratorOptions, JobOptions

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Reading(BaseModel):
    """What may be said of how a file is read: the fields of `ReadOptions`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoding: str | None = Field(default=None, max_length=40, description="Of a text file that is not UTF-8.")
    delimiter: str | None = Field(default=None, max_length=1, description="Comma, semicolon, tab or vertical bar.")
    decimal: str | None = Field(default=None, max_length=1, description="Decimal sign of numbers: point or comma.")
    header_rows: int | None = Field(
        default=None,
        ge=0,
        le=MAX_HEADER_ROWS,
        description="Lines of column names in a text file or a sheet; 0 for none.",
    )
    skip_footer: int | None = Field(
        default=None, ge=0, le=MAX_FOOTER, description="Lines at the end of a text file or a sheet that are no records."
    )
    sheet: str | None = Field(default=None, max_length=200, description="Of a spreadsheet; the first if left out.")


class FileQuery(Reading):
    """What may be said of a file in the query."""

    name: Name | None = Field(default=None, description="What to call the data set; its file name where left out.")

    retention_days: RetentionDays | None = None

    def called(self, upload: Upload) -> str:
        """The name of the data set."""
        return clean_name(self.name) or upload.filename or "table"

    def reading(self) -> ReadOptions:
        """How to read the file. Raises InvalidReadOption on an unknown encoding, delimiter or decimal sign."""
        return ReadOptions(**{name: getattr(self, name) for name in Reading.model_fields})


class SynthesizeQuery(FileQuery):
    """The job's options in the query; the multipart part `options` may hold them instead."""

    rows: Rows | None = None
    policy: str | None = Field(default=None, max_length=200)
    seed: Seed | None = None
    target: str | None = Field(default=None, max_length=200)
    person: str | None = Field(default=None, max_length=200)
    order: str | None = Field(default=None, max_length=200)
    secrets: Secrets | None = None
    source: Source | None = None
    mix: Mixes | None = None
    augment: Augmented | None = None
    rules: Rules | None = None
    find_rules: FindRules | None = None
    without_rules: WithoutRules | None = None
    broken_rules: BrokenRules | None = None
    ask: Ask | None = None
    tolerance: ToleranceOfJob | None = None
    shadow_models: ShadowModels | None = None
    priority: PriorityOfJob | None = None
    max_minutes: float | None = Field(default=None, gt=0, le=24 * 60)
    max_steps: int | None = Field(default=None, ge=1, le=1_000_000)
    objective: ObjectiveOfJob | None = None

    def options(self, part: str | None) -> JobOptions:
        """The options of the query or of the multipart part. Raises a problem where both are given or one is wrong."""
        given = self.model_dump(exclude_none=True, exclude=set(FileQuery.model_fields))
        if part is not None and given:
            raise InvalidRequestError("expected the job's options in the query or in the part 'options', got both")
        try:
            if part is not None:
                return JobOptions.model_validate_json(part)
            generator = {k: given.pop(k) for k in GeneratorOptions.model_fields if k in given}
            return JobOptions.model_validate({**given, "generator": generator})
        except ValidationError as error:
            raise from_validation(error, "options") from None


BINARY = {"type": "string", "format": "binary"}
RAW_TYPES = ("application/octet-stream", "text/csv", "application/gzip", "application/vnd.apache.parquet")


def file_body(*, options: bool) -> dict[str, Any]:
    """The OpenAPI description of a request body that is a file."""
    parts: dict[str, Any] = {"file": BINARY}
    if options:
        parts["options"] = {"$ref": "#/components/schemas/JobOptions"}
    form: dict[str, Any] = {
        "schema": {"type": "object", "required": ["file"], "properties": parts, "additionalProperties": False}
    }
    if options:
        form["encoding"] = {"options": {"contentType": "application/json"}}
    content: dict[str, Any] = {media_type: {"schema": BINARY} for media_type in RAW_TYPES}
    return {
        "requestBody": {
            "required": True,
            "description": "CSV, TSV, Parquet, Feather, Arrow, JSON, JSON lines or xlsx, plain or in gzip, bzip2, zstd "
            "or zip: as the body itself or as the part `file`.",
            "content": {**content, "multipart/form-data": form},
        }
    }


def refuse_options(part: str | None) -> None:
    """Raises InvalidRequestError where job options came with a file that no job was asked for."""
    if part is not None:
        raise InvalidRequestError("expected the part 'file' alone, got options of a job beside it")
