"""The two machine-readable descriptions of a package: Psych-DS and Croissant.

Sources: Psych-DS 1.5 (psych-ds.github.io); MLCommons Croissant 1.0 (docs.mlcommons.org/croissant).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .codebook import Meaning, meaning
from .statement import Statement

_TYPES = {
    "integer": "sc:Integer",
    "number": "sc:Float",
    "text": "sc:Text",
    "boolean": "sc:Boolean",
}
_FORMATS = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".html": "text/html",
    ".md": "text/markdown",
}
_CONTEXT: dict[str, object] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
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
    "rai": "http://mlcommons.org/croissant/RAI/",
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


@dataclass(frozen=True)
class DataTable:
    """A table of the folder ``data``: its path in the package, its columns, and the columns with
    empty cells.
    """

    name: str
    path: str
    columns: Sequence[str]
    gaps: frozenset[str]


def psych_ds(said: Statement, about: str, tables: Sequence[DataTable]) -> str:
    """``dataset_description.json`` of Psych-DS: a schema.org description of the data set, with
    every column of the tables in ``data`` as a measured variable.
    """
    found: dict[str, Meaning] = {}
    for table in tables:
        for column in table.columns:
            found.setdefault(column, meaning(table.name, column))
    return _json(
        {
            "@context": "https://schema.org/",
            "@type": "Dataset",
            "name": said.title,
            "description": about,
            "schemaVersion": "Psych-DS 1.5",
            "license": said.licence,
            "citation": said.citation,
            "author": [{"@type": "Person", "name": name} for name in said.creators],
            "datePublished": said.published,
            **({"url": said.url} if said.url else {}),
            "variableMeasured": [
                {
                    "@type": "PropertyValue",
                    "name": column,
                    "description": each.description,
                    **({"unitText": each.values} if each.values else {}),
                }
                for column, each in found.items()
            ],
        }
    )


def croissant(
    said: Statement, about: str, tables: Sequence[DataTable], files: Mapping[str, bytes]
) -> str:
    """``metadata.json`` of Croissant: every file with its SHA-256, every table as a record set."""
    return _json(
        {
            "@context": _CONTEXT,
            "@type": "sc:Dataset",
            "conformsTo": "http://mlcommons.org/croissant/1.0",
            "name": said.title,
            "description": about,
            "citeAs": said.citation,
            "creator": [{"@type": "sc:Person", "name": name} for name in said.creators],
            "datePublished": said.published,
            "license": said.licence,
            **({"url": said.url} if said.url else {}),
            "version": "1.0.0",
            "distribution": [
                {
                    "@type": "cr:FileObject",
                    "@id": path,
                    "name": path,
                    "contentUrl": path,
                    "encodingFormat": _FORMATS[path[path.rindex(".") :]],
                    "sha256": hashlib.sha256(content).hexdigest(),
                }
                for path, content in files.items()
                if path.endswith(tuple(_FORMATS))
            ],
            "recordSet": [_record_set(table) for table in tables],
        }
    )


def _record_set(table: DataTable) -> dict[str, object]:
    return {
        "@type": "cr:RecordSet",
        "@id": table.name,
        "name": table.name,
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{table.name}/{column}",
                "name": column,
                "description": meaning(table.name, column).description,
                "dataType": _data_type(table, column),
                "source": {
                    "fileObject": {"@id": table.path},
                    "extract": {"column": column},
                },
            }
            for column in table.columns
        ],
    }


def _data_type(table: DataTable, column: str) -> str:
    kind = meaning(table.name, column).type
    if column in table.gaps:
        # Readers convert an empty cell to NaN, which is neither an integer nor a boolean.
        kind = {"integer": "number", "boolean": "text"}.get(kind, kind)
    return _TYPES[kind]


def _json(content: Mapping[str, object]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
