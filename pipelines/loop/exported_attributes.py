"""The attributes of the platform's claims in an export, completed by those of an earlier file."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import JsonValue

from claims.attributes import Attribute
from features.update import Connection, export_attributes
from models.artefact import document_of, read_pointer
from pipelines.store import DATASET, DatasetDocument, read_document

ATTRIBUTES = "attributes.parquet"


def declared_attributes(home: Path) -> dict[str, Attribute]:
    """The declarations of the data set in `home/data`; without any, those of the champion."""
    folder = home / "data"
    about = read_document(folder) if (folder / DATASET).exists() else DatasetDocument()
    if about.get("attributes"):
        return {name: Attribute.model_validate(entry) for name, entry in about["attributes"].items()}
    pointer = read_pointer(home)
    document = None if pointer is None else document_of(home, pointer.version)
    return {} if document is None else document.declared


def export_beside(
    connection: Connection, declared: Mapping[str, Attribute], folder: Path, exporting: Path
) -> Path | None:
    """Write the attributes of the database's claims to `exporting`, completed by those that `folder` has.

    A claim that was loaded before the database kept attributes has them in the earlier file only. None: the database
    has none, and the earlier file stays.
    """
    if not any(one.stated for one in declared.values()):
        return None
    path = export_attributes(connection, declared, exporting)
    found = pq.read_table(path)
    if not len(found):
        path.unlink()
        return None
    before = folder / ATTRIBUTES
    if before.exists() and "attributes" in read_document(folder).get("frames", {}):
        earlier = pq.read_table(before)
        other = earlier.filter(pc.invert(pc.is_in(earlier["claim_id"], value_set=found["claim_id"].combine_chunks())))
        pq.write_table(pa.concat_tables([found, other], promote_options="default"), path, compression="zstd")
    return path


def declarations(declared: Mapping[str, Attribute]) -> dict[str, dict[str, JsonValue]]:
    """The declarations as `dataset.json` has them."""
    return {name: one.model_dump(mode="json") for name, one in declared.items()}
