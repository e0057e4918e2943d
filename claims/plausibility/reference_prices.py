"""Reference statistics of prices and units per procedure: by provider, by region and overall.

One SQL query, `reference_statistics_sql`, computes them in both Postgres (online) and DuckDB (backtests), so that the
two cannot differ.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum

WINDOW_DAYS = 365
"""Length of the reference period, in days before the effective day."""

HIGH_QUANTILE = 0.99
"""Quantile of the units billed on one claim that is stored as `high_units`."""


class ReferenceScope(Enum):
    """The claims a reference covers, most specific first."""

    PROVIDER = "provider"
    """One procedure of one provider."""
    REGION = "region"
    """One procedure in one region."""
    PROCEDURE = "procedure"
    """One procedure, all providers."""
    HISTORY = "history"
    """All claims of one provider, any procedure; only the count is used."""


@dataclass(frozen=True, slots=True)
class PriceReference:
    """Prices and units of one procedure within one scope over the year before `as_of`.

    `principal` references cover claims whose line with the highest amount has this procedure. The others cover
    secondary lines, which are often priced as part of the claim and therefore vary much more.
    """

    procedure_code: str
    principal: bool
    scope: ReferenceScope
    entity: str
    """Provider or region; empty for `ReferenceScope.PROCEDURE`."""
    claims: int
    median_cents: float
    """Median amount per unit."""
    log_spread: float
    """Robust standard deviation of the logarithm of the amount per unit: MAD × 1.4826."""
    high_units: float
    """`HIGH_QUANTILE` of the units on one claim."""
    as_of: date

    @property
    def cites(self) -> str:
        """Table and entry the reference was read from."""
        place = self.scope.value if not self.entity else f"{self.scope.value}/{self.entity}"
        return f"reference_statistics/{self.procedure_code}/{place}"

    @property
    def population(self) -> str:
        """The claims covered, as text for a finding."""
        where = {ReferenceScope.PROVIDER: " of this provider", ReferenceScope.REGION: f" in region {self.entity}"}.get(
            self.scope, ""
        )
        return f"{self.claims} claims{where} in the year to {self.as_of}"


@dataclass(frozen=True, slots=True)
class References:
    """The references relevant to one claim."""

    prices: Mapping[tuple[str, bool, ReferenceScope], PriceReference] = field(default_factory=dict)
    provider_claims: int = 0
    """Accepted claims of the provider in the year before the effective day."""

    @classmethod
    def of(cls, rows: Iterable[PriceReference]) -> "References":
        """Index rows already limited to the claim's provider, region and procedures."""
        prices: dict[tuple[str, bool, ReferenceScope], PriceReference] = {}
        provider_claims = 0
        for row in rows:
            if row.scope is ReferenceScope.HISTORY:
                provider_claims = row.claims
            else:
                prices[(row.procedure_code, row.principal, row.scope)] = row
        return cls(prices, provider_claims)

    def price(self, procedure_code: str, *, principal: bool, scope: ReferenceScope) -> PriceReference | None:
        """The reference of one procedure in one scope."""
        return self.prices.get((procedure_code, principal, scope))


COLUMNS = (
    *("procedure_code", "principal", "scope", "entity", "claims", "median_cents", "log_spread", "high_units"),
    "as_of",
)
"""Columns of `reference_statistics_sql`, in order: the fields of `PriceReference`."""

_SQL = """
WITH eligible AS (
    SELECT claim_id, provider_id, region, procedure_code, amount_cents, coalesce(units, 1) AS units
    FROM {claims} AS c
    WHERE received_at >= {begins} AND received_at < {ends} AND (voided_at IS NULL OR voided_at >= {ends})
      AND amount_cents > 0
),
billed AS (
    SELECT e.claim_id, l.procedure_code, sum(l.amount_cents) AS amount_cents, sum(l.units) AS units
    FROM eligible AS e JOIN {lines} AS l ON l.claim_id = e.claim_id
    GROUP BY e.claim_id, l.procedure_code
    UNION ALL
    SELECT e.claim_id, e.procedure_code, e.amount_cents, e.units
    FROM eligible AS e WHERE NOT EXISTS (SELECT 1 FROM {lines} AS l WHERE l.claim_id = e.claim_id)
),
priced AS (
    SELECT b.procedure_code, coalesce(b.procedure_code = e.procedure_code, false) AS principal,
           e.provider_id, e.region, CAST(b.units AS DOUBLE PRECISION) AS units,
           ln(CAST(b.amount_cents AS DOUBLE PRECISION) / CAST(b.units AS DOUBLE PRECISION)) AS log_price
    FROM billed AS b JOIN eligible AS e ON e.claim_id = b.claim_id
    WHERE b.procedure_code IS NOT NULL AND b.amount_cents > 0 AND b.units > 0
),
scoped AS (
    SELECT procedure_code, principal, 'provider' AS scope, provider_id AS entity, units, log_price
    FROM priced WHERE provider_id IS NOT NULL
    UNION ALL
    SELECT procedure_code, principal, 'region', region, units, log_price FROM priced WHERE region IS NOT NULL
    UNION ALL
    SELECT procedure_code, principal, 'procedure', '', units, log_price FROM priced
),
centered AS (
    SELECT procedure_code, principal, scope, entity, count(*) AS claims,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY log_price) AS center,
           percentile_cont({high}) WITHIN GROUP (ORDER BY units) AS high_units
    FROM scoped GROUP BY procedure_code, principal, scope, entity HAVING count(*) >= {least}
),
spread AS (
    SELECT s.procedure_code, s.principal, s.scope, s.entity,
           1.4826 * percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(s.log_price - c.center)) AS log_spread
    FROM scoped AS s JOIN centered AS c
      ON c.procedure_code = s.procedure_code AND c.principal = s.principal
     AND c.scope = s.scope AND c.entity = s.entity
    GROUP BY s.procedure_code, s.principal, s.scope, s.entity
)
SELECT c.procedure_code, c.principal, c.scope, c.entity, CAST(c.claims AS INTEGER) AS claims,
       exp(c.center) AS median_cents, CAST(s.log_spread AS DOUBLE PRECISION) AS log_spread,
       CAST(c.high_units AS DOUBLE PRECISION) AS high_units, CAST('{day}' AS DATE) AS as_of
FROM centered AS c JOIN spread AS s
  ON s.procedure_code = c.procedure_code AND s.principal = c.principal AND s.scope = c.scope AND s.entity = c.entity
UNION ALL
SELECT '', true, 'history', provider_id, CAST(count(*) AS INTEGER), 0.0, 0.0, 0.0, CAST('{day}' AS DATE)
FROM eligible WHERE provider_id IS NOT NULL GROUP BY provider_id
"""

ACCEPTED_CLAIMS = "(SELECT * FROM claims WHERE status IN ('approved', 'partially_approved'))"
"""Claims whose price was accepted. Claims in review, rejected, denied or voided are not used as references."""

MIN_STORED_CLAIMS = 5
"""Smallest group of claims that is stored; no policy may require fewer (see `PlausibilityPolicy`)."""


def reference_statistics_sql(day: date, *, claims: str = "claims", lines: str = "claim_lines") -> str:
    """SQL for the references effective on `day` (UTC): rows of `COLUMNS` from the `WINDOW_DAYS` before it.

    `claims` is a relation with the columns of the claims frame, already limited to claims whose price was accepted
    (`ACCEPTED_CLAIMS` in Postgres); `lines` one with claim_id, procedure_code, amount_cents, units. A claim without
    lines counts with its principal procedure and its units. Runs unchanged in Postgres and DuckDB.
    """
    ends = f"CAST('{day.isoformat()} 00:00:00+00' AS TIMESTAMP WITH TIME ZONE)"
    return _SQL.format(
        claims=claims,
        lines=lines,
        begins=f"({ends} - INTERVAL '{WINDOW_DAYS * 24} hours')",
        ends=ends,
        high=HIGH_QUANTILE,
        least=MIN_STORED_CLAIMS,
        day=day.isoformat(),
    )


def procedure_averages_sql(day: date, *, claims: str = "claims") -> str:
    """SQL for the averages the 2× rule uses on `day`: procedure_code, cents (mean), claims of the year before.

    Runs unchanged in Postgres and DuckDB.
    """
    ends = f"CAST('{day.isoformat()} 00:00:00+00' AS TIMESTAMP WITH TIME ZONE)"
    return f"""
SELECT procedure_code, CAST(round(avg(amount_cents)) AS BIGINT) AS cents, count(*) AS claims
FROM {claims} AS c
WHERE received_at >= {ends} - INTERVAL '{WINDOW_DAYS * 24} hours' AND received_at < {ends} AND voided_at IS NULL
GROUP BY procedure_code"""
