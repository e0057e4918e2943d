"""Members, providers and the catalogue, derived from the claims."""

import pyarrow as pa

from pipelines import reference
from pipelines.duck import connect

_QUERIES: dict[str, tuple[pa.Schema, str]] = {
    "members": (
        reference.MEMBERS,
        """SELECT member_id, NULL AS name, NULL::DATE AS birth_date, mode(sex) AS sex, NULL AS region, NULL AS plan_id,
               min(service_from) AS enrolled_from, NULL::DATE AS enrolled_to
           FROM claims WHERE member_id IS NOT NULL GROUP BY member_id ORDER BY member_id""",
    ),
    "providers": (
        reference.PROVIDERS,
        """SELECT provider_id, NULL AS name, mode(specialty) AS specialty, mode(region) AS region,
               min(service_from) AS active_from, NULL::DATE AS active_to, NULL::DATE AS excluded_from
           FROM claims WHERE provider_id IS NOT NULL GROUP BY provider_id ORDER BY provider_id""",
    ),
    "procedures": (
        reference.PROCEDURES,
        """SELECT procedure_code, NULL AS name,
               list_sort(list(DISTINCT specialty) FILTER (specialty IS NOT NULL)) AS specialties,
               round(avg(amount_cents))::BIGINT AS typical_cents, NULL AS sex, NULL::INT AS min_age_years,
               NULL::INT AS max_age_years, NULL::INT AS max_units
           FROM claims WHERE procedure_code IS NOT NULL GROUP BY procedure_code ORDER BY procedure_code""",
    ),
    "diagnoses": (
        reference.DIAGNOSES,
        """SELECT DISTINCT diagnosis_code, NULL AS name, NULL AS sex, NULL::INT AS min_age_years,
               NULL::INT AS max_age_years
           FROM claims WHERE diagnosis_code IS NOT NULL ORDER BY diagnosis_code""",
    ),
}


def derive(claims: pa.Table) -> dict[str, pa.Table]:
    """Reference frames with every member, provider and code of the claims; other columns are null.

    A member or provider counts as covered or active from its first service on.
    """
    with connect() as connection:
        connection.register("claims", claims)
        return {name: connection.sql(query).to_arrow_table().cast(schema) for name, (schema, query) in _QUERIES.items()}
