"""Export claims and labels from the platform's database for training.

export(url, home) writes `home/data`: claims.parquet, labels.parquet, weights.parquet, dataset.json, and
attributes.parquet where claims have attributes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.erasures import ErasedMember, add_erasure
from core.objections import TrainingObjection, replace_objections
from core.scratch import scratch_folder
from features.ledger import OPEN_ENDED
from features.offline import scratch_duckdb
from features.update import export_frames, repeatable_read
from pipelines.datasets import use_in_service
from pipelines.loop.dispositions import DISPOSITIONS, SELECTIONS, LabelledClaims, labels_as_of
from pipelines.loop.errors import LoopError
from pipelines.loop.exported_attributes import declarations, declared_attributes, export_beside
from pipelines.store import DATASET, DatasetDocument, read_document, write_document

WEIGHTS = pa.schema(
    [pa.field("claim_id", pa.string(), nullable=False), pa.field("weight", pa.float64(), nullable=False)]
)
"""`weights.parquet`: the labels whose weight is not 1. A withdrawn label has none."""

_DISPOSITIONS = """
    SELECT d.claim_id, d.disposition, d.kind, d.amount_recovered_cents, d.known_at,
           coalesce(s.selected_by, 'tip'), coalesce(s.propensity, 1.0)
    FROM dispositions AS d LEFT JOIN selections AS s USING (claim_id) ORDER BY d.claim_id, d.known_at"""
_OBJECTIONS = """
    SELECT member_id, first_day, last_day FROM consents WHERE purpose = %s AND kind = 'objected'
    AND NOT EXISTS (SELECT FROM consent_withdrawals AS w WHERE w.consent_id = consents.consent_id)
    ORDER BY member_id, first_day"""
_TRAINING = "MODELTRAIN"
"""The purpose of training, as `api/purposes.py` has it."""
_SELECTIONS = """
    SELECT s.claim_id, s.week, s.selected_by, s.propensity
    FROM selections AS s JOIN claims AS c USING (claim_id) WHERE c.voided_at IS NULL ORDER BY s.claim_id"""
"""A voided claim is not investigated any more, so nothing is missing of it."""


@dataclass(frozen=True, slots=True)
class ExportCounts:
    """Rows exported."""

    claims: int
    labels: int
    findings: int
    """Claims with a disposition."""


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection]:
    """Connect to the platform's database, in UTC, with one snapshot for all statements.

    Raises `LoopError` where the database is unavailable or has no tables of the platform.
    """
    try:
        with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True) as connection:
            connection.execute("SET TIME ZONE 'UTC'")
            with repeatable_read(connection):
                yield connection
    except psycopg.errors.UndefinedTable as missing:
        raise LoopError(
            "the database has no tables of the platform; run `ginja run migrate` to create them"
        ) from missing
    except psycopg.OperationalError as gone:
        raise LoopError(f"database unavailable: {str(gone).splitlines()[0]}") from gone


def dispositions_of(connection: psycopg.Connection) -> pa.Table:
    """Every disposition with the reason for its review, as `pipelines.loop.dispositions.DISPOSITIONS`."""
    return _table(connection, _DISPOSITIONS, DISPOSITIONS)


def selections_of(connection: psycopg.Connection) -> pa.Table:
    """Every claim of the lists that is not voided, as `pipelines.loop.dispositions.SELECTIONS`."""
    return _table(connection, _SELECTIONS, SELECTIONS)


def _table(connection: psycopg.Connection, query: str, schema: pa.Schema) -> pa.Table:
    rows = connection.execute(query.encode()).fetchall()
    columns = [pa.array(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in schema]
    return pa.table(columns, schema.names).cast(schema)


def export(url: str, home: Path) -> ExportCounts | None:
    """Export claims, labels and weights to `home/data`, replacing each file atomically; None: no claim in the database.

    The members to leave out, erased or objecting to training, are listed in the home first: exported claims are not
    read without that list. Raises `LoopError` where `home/data` holds claims that the database does not: they would be
    lost.
    """
    list_erasures(url, home)
    list_objections(url, home)
    folder = home / "data"
    folder.mkdir(parents=True, exist_ok=True)
    with scratch_folder(".export-", under=folder) as exporting:
        with connected(url) as connection:
            claims, labels = export_frames(connection, exporting)
            found, selected = dispositions_of(connection), selections_of(connection)
            declared = declared_attributes(home)
            attributes = export_beside(connection, declared, folder, exporting)
        if pq.read_metadata(claims).num_rows == 0:
            return None
        _refuse_loss(folder / "claims.parquet", claims)
        labelled = labels_as_of(found, as_of_us=OPEN_ENDED, selections=selected)
        weights = claims.with_name("weights.parquet")
        pq.write_table(weights_of(labelled), weights)
        files = (claims, labels, weights, *([] if attributes is None else [attributes]))
        counts = {path.stem: pq.read_metadata(path).num_rows for path in files}
        document = _document(home, counts, found)
        if attributes is not None:
            document["attributes"] = declarations(declared)
        # Without dataset.json a folder is not a complete data set, so a mixture of old and new files is never read.
        (folder / DATASET).unlink(missing_ok=True)
        for path in files:
            path.replace(folder / path.name)
        write_document(document, folder)
    return ExportCounts(counts["claims"], counts["labels"], len(labelled.labels) + len(labelled.unlabelled))


def list_erasures(url: str, home: Path) -> None:
    """Add the members that the database knows as erased to the home's list: data sets are read without them."""
    with connected(url) as connection:
        found = connection.execute(
            "SELECT member_id, erased_at FROM member_keys WHERE erased_at IS NOT NULL"
        ).fetchall()
    for member_id, erased_at in found:
        add_erasure(home, ErasedMember(str(member_id), erased_at))


def list_objections(url: str, home: Path) -> None:
    """Replace the home's list of members that object to training by that of the database."""
    with connected(url) as connection:
        found = connection.execute(_OBJECTIONS, [_TRAINING]).fetchall()
    replace_objections(home, (TrainingObjection(str(member), first, last) for member, first, last in found))


def weights_of(labelled: LabelledClaims) -> pa.Table:
    """The weights frame: labels whose weight is not 1."""
    ids, weights = labelled.labels["claim_id"].to_pylist(), labelled.weights.tolist()
    rows = [(one, weight) for one, weight in zip(ids, weights, strict=True) if weight != 1.0]
    return pa.table([[one for one, _ in rows], [weight for _, weight in rows]], schema=WEIGHTS)


def _refuse_loss(held: Path, exported: Path) -> None:
    if not held.exists():
        return
    with scratch_duckdb() as connection:
        lost = connection.execute(
            "SELECT count(*) FROM read_parquet(?) AS a ANTI JOIN read_parquet(?) AS b USING (claim_id)",
            [str(held), str(exported)],
        ).fetchall()[0][0]
    if lost:
        raise LoopError(
            f"{held} holds {lost:,} claims that the database does not, and they would be lost; load them with "
            "`ginja data load`, or move the file away"
        )


def _document(home: Path, counts: dict[str, int], dispositions: pa.Table) -> DatasetDocument:
    folder = home / "data"
    before = read_document(folder) if (folder / DATASET).exists() else DatasetDocument(source="platform")
    use = use_in_service(home)
    served: DatasetDocument = {} if use is None else {"use": use}
    if len(dispositions):
        served["findings_until"] = pc.max(dispositions["known_at"]).as_py().isoformat()
    return {**before, **served, "frames": {**before.get("frames", {}), **counts}, "exported_from": "database"}
