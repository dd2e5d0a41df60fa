"""Croissant 1.0 metadata of a synthetic table: its files and its columns (mlcommons.org/croissant).

Addresses are relative to the metadata, so that they hold wherever the three files lie side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
FILE = "croissant.json"
CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that the format's specification gives, word for word."""


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file of the table."""

    name: str
    media_type: str
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """A column of the table."""

    name: str
    data_type: str
    """A type of Croissant, such as `sc:Integer`."""


def metadata(
    *, name: str, description: str, made: datetime, version: str, files: Sequence[File], fields: Sequence[Field]
) -> dict[str, Any]:
    """The metadata as JSON values. The fields are read from the first file.

    No licence is named: whoever releases the table gives it one, and the service does not know which.
    """
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": name,
        "description": description,
        "datePublished": made.isoformat(),
        "version": version,
        "isLiveDataset": False,
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": file.name,
                "name": file.name,
                "contentUrl": file.name,
                "contentSize": f"{file.bytes} B",
                "encodingFormat": file.media_type,
                "sha256": file.sha256,
            }
            for file in files
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "records",
                "name": "records",
                "description": "Synthetic records. None is meant to be about anybody.",
                "field": [_field(place, field, files[0]) for place, field in enumerate(fields)],
            }
        ],
    }


def _field(place: int, field: Field, file: File) -> dict[str, Any]:
    """A field is known by its place: a name of a column may hold anything."""
    return {
        "@type": "cr:Field",
        "@id": f"records/{place}",
        "name": field.name,
        "dataType": field.data_type,
        "source": {"fileObject": {"@id": file.name}, "extract": {"column": field.name}},
    }
