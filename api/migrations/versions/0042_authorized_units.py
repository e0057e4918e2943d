"""What claims with a prior authorization need of it: units and days, as stored from revision 0038 on."""

from alembic import op

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    """Computes it by the requirements of their plans as they are now.

    Of claims that used some of it, or for which an authorization was missing or short: one that used none and had no
    such finding needed none when it was decided. Of claims that used some of it and need none by these requirements,
    units stay, and the days of all lines count.
    """
    op.execute(
        """
        UPDATE claims SET authorized_days = ARRAY(
            SELECT DISTINCT coalesce(service_date, service_from) AS day
            FROM claim_lines WHERE claim_lines.claim_id = claims.claim_id ORDER BY day)
        WHERE authorization_number IS NOT NULL AND authorized_units > 0
        """
    )
    op.execute(
        """
        WITH held AS (
            SELECT claim_id, claims.service_from, claims.place_of_service,
                   CASE WHEN earlier.period IS NULL THEN members.plan_id
                        ELSE earlier.period ->> 'plan_id' END AS plan_id
            FROM claims
            JOIN members USING (member_id)
            LEFT JOIN LATERAL (
                SELECT period
                FROM jsonb_array_elements(members.earlier_periods) AS period
                WHERE coalesce((period ->> 'first_day')::date <= claims.service_from, true)
                  AND coalesce((period ->> 'last_day')::date >= claims.service_from, true)
                LIMIT 1
            ) AS earlier ON true
            WHERE claims.authorization_number IS NOT NULL AND (claims.authorized_units > 0 OR EXISTS (
                SELECT FROM assessments, jsonb_array_elements(assessments.findings) AS finding
                WHERE assessments.claim_id = claims.claim_id AND starts_with(finding ->> 'code', 'authorization_')))
        ), matched AS (
            SELECT claim_id, line, units, coalesce(service_date, service_from) AS day, above_cents,
                   sum(amount_cents) OVER (PARTITION BY claim_id, required.place) AS together
            FROM held
            JOIN claim_lines USING (claim_id)
            JOIN plan_authorizations AS required
              ON required.plan_id = held.plan_id
             AND length(procedure_code) = length(first_code)
             AND procedure_code BETWEEN (first_code COLLATE "C") AND (last_code COLLATE "C")
             AND coalesce(service_date, service_from) >= first_day
             AND coalesce(coalesce(service_date, service_from) <= last_day, true)
             AND (places = '{}' OR place_of_service IS NULL OR place_of_service = ANY (places))
        ), needs AS (
            SELECT DISTINCT claim_id, line, units, day FROM matched WHERE above_cents IS NULL OR together > above_cents
        ), needed AS (
            SELECT claim_id, sum(units) AS units, array_agg(DISTINCT day ORDER BY day) AS days
            FROM needs GROUP BY claim_id
        )
        UPDATE claims
        SET authorized_units = greatest(claims.authorized_units, needed.units), authorized_days = needed.days
        FROM needed WHERE claims.claim_id = needed.claim_id
        """
    )


def downgrade() -> None:
    """Units stay as claims need them."""
