"""What the database knows, brought to where training reads: claims, labels, and the weight of each finding.

export(url, home)     `home/data`: claims.parquet, labels.parquet, weights.parquet, dataset.json
judged(url)           the model by its findings, each weighed by the chance it had to be looked into
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from core import postgres
from core.settings import Settings
from features.offline import OPEN_ENDED, scratch_duckdb
from features.update import export_frames, repeatable_read
from pipelines.loop.dispositions import DISPOSITIONS, Known, known_at
from pipelines.loop.errors import LoopError
from pipelines.loop.estimate import Findings, estimate
from pipelines.store import DATASET

WEIGHTS = pa.schema(
    [pa.field("claim_id", pa.string(), nullable=False), pa.field("weight", pa.float64(), nullable=False)]
)
"""`weights.parquet`: the labels that do not count once. A withdrawn label has none."""

_DISPOSITIONS = """
    SELECT d.claim_id, d.disposition, d.kind, d.amount_recovered_cents, d.known_at,
           coalesce(s.selected_by, 'tip'), coalesce(s.propensity, 1.0)
    FROM dispositions AS d LEFT JOIN selections AS s USING (claim_id) ORDER BY d.claim_id, d.known_at"""
_SELECTED = """
    SELECT s.claim_id, s.probability, c.amount_cents, s.selected_by = 'score', s.week
    FROM selections AS s JOIN claims AS c USING (claim_id)"""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was brought over."""

    claims: int
    labels: int
    findings: int
    """Claims with a disposition."""


def database_of(settings: Settings) -> str | None:
    """The platform's database, if one is named in the settings or the home's own runs; starts nothing."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    home = settings.home.resolve()
    return postgres.url(home) if postgres.running(home) is not None else None


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the platform's database, in UTC, all of whose statements see one state of it.

    Raises `LoopError` where the database does not answer, or is not yet the platform's.
    """
    try:
        with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True) as connection:
            connection.execute("SET TIME ZONE 'UTC'")
            with repeatable_read(connection):
                yield connection
    except psycopg.errors.UndefinedTable as missing:
        raise LoopError("the database has no tables of the platform yet; `ginja db upgrade` makes them") from missing
    except psycopg.OperationalError as gone:
        raise LoopError(f"the database does not answer: {str(gone).splitlines()[0]}") from gone


def dispositions_of(connection: psycopg.Connection[Any]) -> pa.Table:
    """Every finding with why its claim was looked into, as `pipelines.loop.dispositions.DISPOSITIONS`."""
    rows = connection.execute(_DISPOSITIONS).fetchall()
    return pa.table(
        [pa.array(column) for column in zip(*rows, strict=True)] if rows else [[]] * 7, DISPOSITIONS.names
    ).cast(DISPOSITIONS)


def export(url: str, home: Path) -> Exported | None:
    """Bring claims, labels and weights into `home/data`, each file in one step; None: the database has no claim.

    Raises `LoopError` where `home/data` holds claims that the database lacks: they would be lost.
    """
    folder = home / "data"
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".export-", dir=folder) as beside:
        with connected(url) as connection:
            claims, labels = export_frames(connection, Path(beside))
            found = dispositions_of(connection)
        if pq.read_metadata(claims).num_rows == 0:
            return None
        _refuse_loss(folder / "claims.parquet", claims)
        known = known_at(found, as_of_us=OPEN_ENDED)
        weights = claims.with_name("weights.parquet")
        pq.write_table(weights_of(known), weights)
        counts = {path.stem: pq.read_metadata(path).num_rows for path in (claims, labels, weights)}
        about = _about(folder, counts)
        # Without its page a folder is no finished data set, so nobody reads a mixture.
        (folder / DATASET).unlink(missing_ok=True)
        for path in (claims, labels, weights):
            path.replace(folder / path.name)
        partial = Path(beside) / DATASET
        partial.write_text(json.dumps(about, indent=1))
        partial.replace(folder / DATASET)
    return Exported(counts["claims"], counts["labels"], len(known.labels) + len(known.unlabelled))


def weights_of(known: Known) -> pa.Table:
    """The weights frame of what is known: what came by lot counts for the claims it stands for."""
    ids, weights = known.labels["claim_id"].to_pylist(), known.weights.tolist()
    rows = [(one, weight) for one, weight in zip(ids, weights, strict=True) if weight != 1.0]
    return pa.table([[one for one, _ in rows], [weight for _, weight in rows]], schema=WEIGHTS)


def judged(url: str) -> dict[str, Any]:
    """The model as its findings tell of it: every conclusive finding on a selected claim, weighed.

    K is the number of claims that were listed by score. Raises `LoopError` where nothing was found yet.
    """
    with connected(url) as connection:
        found = known_at(dispositions_of(connection), as_of_us=OPEN_ENDED)
        selected = {row[0]: row[1:] for row in connection.execute(_SELECTED)}
    ids = found.labels["claim_id"].to_pylist()
    rows = [place for place, one in enumerate(ids) if found.countable[place] and one in selected]
    if not rows:
        raise LoopError(
            "no selected claim has a finding yet; `ginja loop select` makes a list, `ginja loop record` fills it"
        )
    mine = [selected[ids[place]] for place in rows]
    weeks = {row[3] for row in mine}
    by_score = np.array([bool(row[2]) for row in mine])
    if by_score.all():
        raise LoopError("no claim that was drawn by lot has a finding yet: what the model misses cannot be told")
    findings = Findings(
        fraud=found.labels["is_fraud"].to_numpy(zero_copy_only=False)[rows].astype(bool),
        probabilities=np.array([row[0] for row in mine]),
        amounts_cents=np.array([row[1] for row in mine]),
        weights=np.maximum(found.weights[rows], 1.0),
    )
    k = float(findings.weights[by_score].sum()) or 1.0
    return {
        "findings": len(rows),
        "by_lot": int((~by_score).sum()),
        "weeks": len(weeks),
        "k": k,
        **estimate(findings, k=k).as_dict(),
    }


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
            f"{held} holds {lost:,} claims that the database lacks, and they would be lost; load them with "
            "`ginja db load`, or move the file away"
        )


def _about(folder: Path, counts: dict[str, int]) -> dict[str, Any]:
    path = folder / DATASET
    before: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"source": "platform"}
    return before | {"frames": before.get("frames", {}) | counts, "exported_from": "database"}
