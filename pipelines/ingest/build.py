"""Build the frames from staged rows: check claims as a whole, detect duplicates, group lines into claims."""

from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from claims.attributes import PREFIX, AttributeType, feature_name
from claims.service_days import EARLIEST
from core.clock import DAY_US
from features.declare import CLAIMS, LABELS
from pipelines.duck import connect
from pipelines.ingest import corrections, fields
from pipelines.ingest.attribute_fields import staged_columns
from pipelines.ingest.mapping import INVALID, Mapping
from pipelines.ingest.reject_labels import LabelCount
from pipelines.ingest.rejects import Rejects
from pipelines.reference import CLAIM_LINES
from pipelines.store import MAX_DISSENT

_CHECKED = """
CREATE TABLE checked AS
WITH dated AS (
    SELECT * REPLACE (
        COALESCE(claim_id, 'L' || "row") AS claim_id,
        COALESCE(received_at, epoch_us(COALESCE(service_to, service_from)::TIMESTAMP)) AS received_at,
        CASE WHEN correction IS DISTINCT FROM 'void' THEN amount END AS amount,
        CASE WHEN replaces IS DISTINCT FROM claim_id OR correction = 'void' THEN replaces END AS replaces,
        COALESCE(service_from, service_to, received_on) AS service_from,
        COALESCE(service_to, service_from, received_on) AS service_to
    ) FROM staged
), netted AS (
    SELECT *, count(*) FILTER (amount < 0) OVER claim > 0 AS has_reversal, bool_or(amount > 0) OVER claim AS has_claim,
        COALESCE(sum(amount) FILTER (amount < 0) OVER claim, 0) AS reversed
    FROM dated WINDOW claim AS (PARTITION BY claim_id)
)
SELECT *, CASE
    {corrections}
    {reversals}
    WHEN received_at IS NULL THEN {{'field': 'received_at', 'reason': 'no date of receipt or service'}}
    WHEN service_from < DATE '{earliest}' THEN {{'field': 'service_from', 'reason': 'before {earliest.year}'}}
    WHEN service_to < service_from THEN {{'field': 'service_to', 'reason': 'before service_from'}}
    WHEN service_to > received_on THEN {{'field': 'service_to', 'reason': 'after receipt'}}
    WHEN birth_date > service_from THEN {{'field': 'birth_date', 'reason': 'after the service'}}
    WHEN correction IS DISTINCT FROM 'void'
            AND row_number() OVER (PARTITION BY claim_id, {unit}, correction = 'void' ORDER BY "row") > 1
        THEN {{'field': 'claim_id', 'reason': '{again}'}}
END AS problem FROM netted
"""

# An amount reversed in another row of its claim was not paid: neither row is used unless they are netted.
_REFUSE_REVERSALS = """
    WHEN amount < 0 THEN
        {'field': 'amount', 'reason': 'a negative amount (money.negative: net reduces its claim by it)'}
    WHEN has_reversal THEN {'field': 'amount', 'reason':
        'reversed or reduced by a negative amount in another row of this claim (money.negative: net)'}
"""
_NET_REVERSALS = """
    WHEN amount < 0 AND has_claim IS NOT TRUE
        THEN {'field': 'amount', 'reason': 'a reversal of a claim that is not here'}
    WHEN amount > 0 AND amount + reversed <= 0
        THEN {'field': 'amount', 'reason': 'a claim that was reversed in full'}
    WHEN amount < 0 THEN NULL
"""

_PER_CLAIM = """
CREATE TABLE claims AS SELECT
    claim_id, received_at, service_from, service_to, member_id, provider_id, procedure_code, diagnosis_code,
    place_of_service, region, specialty, COALESCE(age_years, date_sub('year', birth_date, service_from)) AS age_years,
    sex, (amount + reversed)::BIGINT AS amount_cents, units, lines, diagnoses, benefit_limit AS benefit_limit_cents,
    voided_at, replaces,
    label, label_kind, label_source, label_known_at, "row"{attributes}
FROM checked WHERE problem IS NULL AND amount >= 0
"""

# The claim takes its fields from the first line, its principal procedure from the most expensive (first on ties).
_PER_LINE = """
CREATE TABLE claims AS SELECT
    claim_id, max(received_at) AS received_at, min(service_from) AS service_from, max(service_to) AS service_to,
    arg_min(member_id, "row") AS member_id, arg_min(provider_id, "row") AS provider_id,
    first(procedure_code ORDER BY amount DESC, COALESCE(line, "row"), "row") AS procedure_code,
    arg_min(diagnosis_code, "row") AS diagnosis_code, arg_min(place_of_service, "row") AS place_of_service,
    arg_min(region, "row") AS region, arg_min(specialty, "row") AS specialty,
    COALESCE(min(age_years), date_sub('year', min(birth_date), min(service_from))) AS age_years,
    arg_min(sex, "row") AS sex, sum(amount)::BIGINT AS amount_cents, GREATEST(sum(units), 1)::INT AS units,
    count(*)::INT AS lines, max(diagnoses) AS diagnoses, max(benefit_limit) AS benefit_limit_cents,
    CASE WHEN count(voided_at) = count(*) THEN max(voided_at) END AS voided_at, min(replaces) AS replaces,
    bool_or(label) AS label, min(label_kind) AS label_kind, min(label_source) AS label_source,
    max(label_known_at) AS label_known_at,
    min("row") AS "row", count(DISTINCT member_id) AS members{attributes}
FROM checked WHERE problem IS NULL GROUP BY claim_id
"""

# Of the lines of a claim: the largest number, whether any is true, the first category, the earliest date.
_OF_LINES = {
    AttributeType.NUMBER: "max({0})",
    AttributeType.BOOLEAN: "bool_or({0})",
    AttributeType.CATEGORY: 'arg_min({0}, "row")',
    AttributeType.KEY: 'arg_min({0}, "row")',
    AttributeType.DATE: "min({0})",
}


@dataclass(slots=True)
class BuiltFrames:
    """The frames built from a source."""

    claims: pa.Table
    labels: pa.Table
    claim_lines: pa.Table | None = None
    attributes: pa.Table | None = None
    """`claim_id` and a typed column per attribute, in the order of the claims; None where the mapping has none."""
    extra: dict[str, pa.Table] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    label_of: str = "claim"
    accepted: LabelCount = field(default_factory=LabelCount)
    """Labels of the rows that became claims or lines of claims."""
    set_to_null: dict[str, int] = field(default_factory=dict)
    """`FIELD: REASON` → values that contradict others of their row, and that `on_bad` sets to null."""
    identical_rows: int = 0
    """Rows whose whole text is that of an earlier row."""


def _reject(connection: duckdb.DuckDBPyConnection, rejects: Rejects, query: str) -> None:
    for line, name, value, reason, label in connection.execute(query).fetchall():
        rejects.add(line, name, value, reason, label)


def _instant(name: str) -> str:
    return f"make_timestamp({name}) AT TIME ZONE 'UTC'"


def build(staging: Path, mapping: Mapping, rejects: Rejects, work: Path) -> BuiltFrames:
    """Build the frames from staged rows. `work` is a folder for what does not fit into memory."""
    with connect(work, threads=2) as connection:
        set_to_null = _stage(connection, staging, mapping)
        lines = mapping.rows == "lines"
        net = mapping.money.negative == "net"
        unit = 'COALESCE(line, "row")' if lines else "amount < 0"
        reversals = _REFUSE_REVERSALS if not net else "" if lines else _NET_REVERSALS
        again = (
            "a line of this claim that was already read"
            if lines
            else "a claim that was already read; for a row per line: rows: lines"
        )
        connection.execute(
            _CHECKED.format(
                unit=unit, again=again, corrections=corrections.PROBLEMS, reversals=reversals, earliest=EARLIEST
            )
        )
        _reject(
            connection,
            rejects,
            """SELECT "row", problem.field,
                   CASE problem.field WHEN 'claim_id' THEN claim_id WHEN 'replaces' THEN replaces
                       WHEN 'amount' THEN amount::VARCHAR END,
                   problem.reason, label
               FROM checked WHERE problem IS NOT NULL ORDER BY "row" """,
        )
        corrections.take_voids(connection)
        attributes = staged_columns(mapping)
        chosen = {name: _of_claim(mapping, name) if lines else name for name in attributes}
        own = "".join(f", {sql} AS {name}" for name, sql in chosen.items())
        connection.execute((_PER_LINE if lines else _PER_CLAIM).format(attributes=own))
        frames = BuiltFrames(claims=pa.table({}), labels=pa.table({}), set_to_null=set_to_null)
        frames.identical_rows = _scalar(connection, "SELECT count(*) - count(DISTINCT record) FROM staged")
        if net and not lines:
            reduced = _scalar(connection, "SELECT count(*) FROM checked WHERE problem IS NULL AND amount < 0")
            if reduced:
                frames.notes.append(f"{reduced} rows with a negative amount reduced or reversed their claims")
        if lines:
            _drop_unbilled(connection, rejects)
            frames.claim_lines = _lines(connection)
            mixed = _scalar(connection, "SELECT count(*) FROM claims WHERE members > 1")
            if mixed:
                frames.notes.append(f"{mixed} claims have lines of several members; the first line's was taken")
        # A file that states when claims were voided says of replaced ones too.
        frames.notes += corrections.void_corrected(connection, replacements="voided_at" not in mapping.columns)
        frames.claims = _claims(connection)
        frames.labels = _labels(connection, mapping.label_known_after_days)
        frames.notes += _alike(connection)
        frames.accepted = _accepted(connection)
        if attributes:
            frames.attributes = _attributes(connection, attributes)
        if mapping.label_of is not None:
            frames.label_of = mapping.label_of
            return frames
        frames.label_of, dissenting = _label_owner(connection)
        if frames.label_of == "provider":
            share = "all" if not dissenting else f"all but {dissenting:,}"
            frames.notes.append(
                f"{share} claims of a provider have one label, so it is the provider's: splits keep providers whole "
                "(label_of in the mapping)"
            )
        return frames


_CONTRADICTIONS = (
    ("service_to", "before service_from", "service_to < service_from"),
    ("service_to", "after receipt", "service_to > received_on"),
    ("birth_date", "after the service", "birth_date > COALESCE(service_from, service_to, received_on)"),
)
"""Field, reason and condition of a value that contradicts others of its row."""


def _stage(connection: duckdb.DuckDBPyConnection, staging: Path, mapping: Mapping) -> dict[str, int]:
    """Read the staged rows as the view `staged`, and return how many values `on_bad` sets to null there, by reason."""
    receipt_day = fields.receipt_day("received_at", mapping.time_zone)
    source = f"(SELECT *, {receipt_day} AS received_on FROM read_parquet({fields.literal(str(staging))}))"
    found = [entry for entry in _CONTRADICTIONS if mapping.nulls(entry[0])]
    replaced = []
    for name in dict.fromkeys(entry[0] for entry in found):
        wrong = " OR ".join(condition for field, _, condition in found if field == name)
        replaced.append(f"CASE WHEN {wrong} THEN NULL ELSE {name} END AS {name}")
        flag = feature_name(name + INVALID)
        if name + INVALID in mapping.features:
            replaced.append(f"COALESCE({flag} OR {wrong}, {flag}) AS {flag}")
    changed = f"* REPLACE ({', '.join(replaced)})" if replaced else "*"
    connection.execute(f"CREATE VIEW staged AS SELECT {changed} FROM {source}")
    counts = {f"{name}: {reason}": _scalar(connection, f"SELECT count(*) FROM {source} WHERE {condition}")
              for name, reason, condition in found}  # fmt: skip
    return {reason: count for reason, count in counts.items() if count}


def _accepted(connection: duckdb.DuckDBPyConnection) -> LabelCount:
    ((labelled, fraud),) = connection.execute(
        """SELECT count(checked.label), count(*) FILTER (checked.label) FROM checked SEMI JOIN claims USING (claim_id)
           WHERE problem IS NULL"""
    ).fetchall()
    return LabelCount(labelled, fraud)


def _scalar(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    ((found,),) = connection.execute(query).fetchall()
    return int(found or 0)


def _alike(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Notes on ids that may be one id, written in two ways; nothing says which zeros were lost, so they stay apart."""
    notes = []
    for name in ("provider_id", "member_id"):
        alike = _scalar(
            connection, f"SELECT count(DISTINCT {name}) - count(DISTINCT ltrim(lower({name}), '0')) FROM claims"
        )
        if alike:
            notes.append(
                f"{name}: {alike:,} ids differ from another one only in case or leading zeros; they stay apart"
            )
    return notes


_FEWEST_PROVIDERS = 5
"""Minimum number of fraudulent providers, each with several labelled claims, to infer provider labels."""


def _label_owner(connection: duckdb.DuckDBPyConnection) -> tuple[str, int]:
    """Whether labels belong to the `provider` or the `claim`, and how many claims contradict their provider's label.

    The provider's, where there are providers of both labels and few of the frauds and of the claims of fraudulent
    providers are exceptions (`MAX_DISSENT`); only providers of several labelled claims count.
    """
    ((bad, good, frauds, dissenting),) = connection.execute(
        """SELECT count(*) FILTER (frauds * 2 >= claims), count(*) FILTER (frauds = 0), COALESCE(sum(frauds), 0),
                  COALESCE(sum(least(frauds, claims - frauds)), 0)
           FROM (SELECT count(*) AS claims, count(*) FILTER (label) AS frauds FROM claims
                 WHERE label IS NOT NULL AND provider_id IS NOT NULL GROUP BY provider_id HAVING count(*) > 1)"""
    ).fetchall()
    belongs = good and bad >= _FEWEST_PROVIDERS and dissenting <= MAX_DISSENT * frauds
    return ("provider", int(dissenting)) if belongs else ("claim", 0)


def _drop_unbilled(connection: duckdb.DuckDBPyConnection, rejects: Rejects) -> None:
    """Reject every line of a claim whose lines sum to zero or less."""
    _reject(
        connection,
        rejects,
        """SELECT checked."row", 'amount', amount::VARCHAR,
               CASE WHEN amount_cents = 0 THEN 'an amount of zero for the whole claim'
                    ELSE 'a negative amount for the whole claim' END, checked.label
           FROM checked JOIN claims USING (claim_id) WHERE problem IS NULL AND amount_cents <= 0 ORDER BY 1""",
    )
    connection.execute("DELETE FROM claims WHERE amount_cents <= 0")


def _lines(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    return (
        connection.sql(
            """SELECT claim_id, row_number() OVER (PARTITION BY claim_id ORDER BY COALESCE(line, "row"), "row")::INT
                   AS line, procedure_code, COALESCE(units, 1) AS units, amount AS amount_cents,
                   service_from AS service_date
               FROM checked SEMI JOIN claims USING (claim_id) WHERE problem IS NULL ORDER BY claim_id, line"""
        )
        .to_arrow_table()
        .rename_columns(CLAIM_LINES.names)
        .cast(CLAIM_LINES)
    )


def _claims(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    columns = {name: name for name in CLAIMS.names}
    columns["received_at"], columns["voided_at"] = _instant("received_at"), _instant("voided_at")
    chosen = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    found = connection.sql(f"SELECT {chosen} FROM claims ORDER BY claims.received_at, claim_id").to_arrow_table()
    return found.cast(CLAIMS)


def _of_claim(mapping: Mapping, staged: str) -> str:
    """SQL of a claim's value of an attribute from those of its lines: the first, unless it describes the line."""
    declared = mapping.features[staged.removeprefix(PREFIX)]
    rule = _OF_LINES[declared.type] if declared.of == "line" else _OF_LINES[AttributeType.CATEGORY]
    return rule.format(staged)


def _attributes(connection: duckdb.DuckDBPyConnection, staged: dict[str, pa.DataType]) -> pa.Table:
    chosen = ", ".join(f'{name} AS "{name.removeprefix(PREFIX)}"' for name in staged)
    found = connection.sql(f"SELECT claim_id, {chosen} FROM claims ORDER BY claims.received_at, claim_id")
    types = [pa.field(name.removeprefix(PREFIX), kind) for name, kind in staged.items()]
    return found.to_arrow_table().cast(pa.schema([pa.field("claim_id", pa.string()), *types]))


def _labels(connection: duckdb.DuckDBPyConnection, known_after_days: int | None) -> pa.Table:
    """A label without a date is known `known_after_days` after receipt; by default one day after the last claim, so
    that no feature uses it.
    """
    if known_after_days is None:
        after = str(_scalar(connection, "SELECT max(received_at) FROM claims") + DAY_US)
    else:
        after = f"received_at + {known_after_days * DAY_US}"
    return (
        connection.sql(
            f"""SELECT claim_id, label AS is_fraud, CASE WHEN label THEN label_kind END AS kind,
                    {_instant(f"COALESCE(label_known_at, {after})")} AS known_at,
                    COALESCE(label_source, 'file') AS source
                FROM claims WHERE label IS NOT NULL ORDER BY received_at, claim_id"""
        )
        .to_arrow_table()
        .cast(LABELS)
    )
