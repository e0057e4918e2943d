"""The offline features for the claims of a file."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.declare import CLAIMS, LABELS, VIEWS
from features.feast import apply, registry_path
from features.offline import build, file_of
from pipelines.datasets import OFFLINE_ONLY_REDIS_URL

_BUILT = "features-built"


def features_for(home: Path, claims: pa.Table, work: Path) -> Path:
    """The home whose offline features cover these claims.

    `home` itself where its features are built and its history holds every claim; else a home under `work` with features
    of both, so that each claim has the history of either. It is reused for the same claims.
    """
    data = home / "data"
    history = pq.read_table(data / "claims.parquet") if (data / "claims.parquet").exists() else CLAIMS.empty_table()
    new = claims.filter(pc.invert(pc.is_in(claims["claim_id"], value_set=history["claim_id"].combine_chunks())))
    if not len(new) and registry_path(home).exists() and all(file_of(home, view).exists() for view in VIEWS):
        return home
    combined = work / "home"
    both = pa.concat_tables([history.select(CLAIMS.names).cast(CLAIMS), new])
    built, claimed = combined / _BUILT, _digest(both)
    if not built.exists() or built.read_text() != claimed:
        built.unlink(missing_ok=True)
        labels = pq.read_table(data / "labels.parquet") if (data / "labels.parquet").exists() else LABELS.empty_table()
        build(combined, both, labels.select(LABELS.names).cast(LABELS))
        apply(combined, OFFLINE_ONLY_REDIS_URL)
        built.write_text(claimed)
    return combined


def _digest(claims: pa.Table) -> str:
    """SHA-256 of a claims frame, independent of its chunks."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, claims.schema) as stream:
        stream.write_table(claims.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()
