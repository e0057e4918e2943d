"""What a procedure costs on average: the figure the 2× rule compares with, kept beside the catalogue.

Kept, not counted at each claim, so that the rule answers at once when everything else is broken. The worker brings it
up to the last midnight (UTC) once a day; a void or a claim of today moves it tomorrow.
"""

REFRESH_AVERAGES = """
UPDATE procedures AS p
SET average_cents = seen.cents, average_claims = seen.claims, average_as_of = %(day)s
FROM (
    SELECT procedure_code, round(avg(amount_cents))::bigint AS cents, count(*) AS claims
    FROM claims
    WHERE received_at >= %(day)s::date - 365 AND received_at < %(day)s AND voided_at IS NULL
    GROUP BY procedure_code
) AS seen
WHERE seen.procedure_code = p.procedure_code AND p.average_as_of IS DISTINCT FROM %(day)s
"""
"""Averages over the 365 days before `day`; a procedure without claims in them keeps what it had."""
