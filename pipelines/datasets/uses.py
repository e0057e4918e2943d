"""The use of a data set's claims, as the document of a model states it, and the use that a home serves."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from models.artefact import document_of, read_pointer
from models.errors import PointerError
from models.use import ModelUse, PopulationSketch
from pipelines.datasets.sources import Source

_IDENTIFYING = ("provider_id", "specialty", "region")
"""Of a provider: identifiers alone, such as consecutive numbers, may be those of another business too."""


def use_of(source: Source, name: str | None = None) -> ModelUse:
    """The use of a data set's claims; `name` replaces the data set's own."""
    held = [column for column in source.claims.column_names if column not in source.missing]
    own = [] if source.attributes is None else [f"attribute {one}" for one in source.attributes.declared]
    return ModelUse(name=name or source.use, columns=(*held, *own), population=_population(source.claims))


def use_in_service(home: Path) -> str | None:
    """The name of the champion's use; None without a champion, or where its document cannot be read."""
    try:
        pointer = read_pointer(home)
    except PointerError:
        return None
    document = None if pointer is None else document_of(home, pointer.version)
    return None if document is None else document.use_name or None


def _population(claims: pa.Table) -> PopulationSketch | None:
    named = claims.filter(pc.is_valid(claims["provider_id"])).select(_IDENTIFYING)
    if not len(named):
        return None
    distinct = named.group_by(list(_IDENTIFYING)).aggregate([]).to_pylist()
    return PopulationSketch.of("\x1f".join(row[name] or "" for name in _IDENTIFYING) for row in distinct)
