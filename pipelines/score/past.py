"""The offline features for the claims of a file, and the values of windows."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from claims.attributes import Attribute
from features.declare import CLAIMS, LABELS, VIEWS
from features.feast import apply, registry_path
from features.offline import build, file_of
from features.vector import DeclaredAttributes
from pipelines.datasets import OFFLINE_ONLY_REDIS_URL

_BUILT = "features-built"


def features_for(home: Path, claims: pa.Table, work: Path) -> Path:
    """The home whose offline features cover these claims.

    `home` itself where its features are built and its history holds every claim; else a home under `work` with features
    of both, so that each claim has the history of either. It is reused for the same claims.
    """
    both, new = _with_history(home, claims)
    if not len(new) and registry_path(home).exists() and all(file_of(home, view).exists() for view in VIEWS):
        return home
    combined = work / "home"
    built, claimed = combined / _BUILT, _digest(both)
    if not built.exists() or built.read_text() != claimed:
        built.unlink(missing_ok=True)
        build(combined, both, _labels(home))
        apply(combined, OFFLINE_ONLY_REDIS_URL)
        built.write_text(claimed)
    return combined


def with_windows(
    home: Path, declared: Mapping[str, Attribute], claims: pa.Table, attributes: pa.Table | None
) -> pa.Table | None:
    """The attributes of these claims, row by row, with the values of the windows that a model declares.

    A window counts the claims of the home's history and of the file. `attributes` is that of the file.
    """
    if all(one.window is None for one in declared.values()):
        return attributes
    both, _ = _with_history(home, claims)
    own = claims.select(["claim_id"])
    if attributes is not None:
        own = pa.table([claims["claim_id"], *attributes.columns], names=["claim_id", *attributes.column_names])
    stored = home / "data" / "attributes.parquet"
    past = pq.read_table(stored) if stored.exists() else own.slice(0, 0)
    past = past.filter(pc.invert(pc.is_in(past["claim_id"], value_set=own["claim_id"].combine_chunks())))
    known = DeclaredAttributes(declared, pa.concat_tables([past, own], promote_options="default"))
    return known.with_windows(both, _labels(home)).of(claims["claim_id"])


def _with_history(home: Path, claims: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The claims of the home's history and of the file, and those that only the file has."""
    path = home / "data" / "claims.parquet"
    history = pq.read_table(path) if path.exists() else CLAIMS.empty_table()
    new = claims.filter(pc.invert(pc.is_in(claims["claim_id"], value_set=history["claim_id"].combine_chunks())))
    return pa.concat_tables([history.select(CLAIMS.names).cast(CLAIMS), new]), new


def _labels(home: Path) -> pa.Table:
    path = home / "data" / "labels.parquet"
    labels = pq.read_table(path) if path.exists() else LABELS.empty_table()
    return labels.select(LABELS.names).cast(LABELS)


def _digest(claims: pa.Table) -> str:
    """SHA-256 of a claims frame, independent of its chunks."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, claims.schema) as stream:
        stream.write_table(claims.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()
