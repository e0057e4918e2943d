"""Plans and their cost sharing into the database."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy.dialects.postgresql import insert

from api.database import Database
from api.members.tables import PlanRow, PlanTermsRow
from formats.plans_csv import PlanTerms


async def store_plans(database: Database, rows: Sequence[PlanTerms]) -> None:
    """Store plans with their terms, all or none; terms of a plan and first day replace those stored.

    Decided claims keep the terms that they were decided by. What the rows do not state of a stored plan stays.
    """
    async with database.transaction() as connection:
        for one in rows:
            plan = insert(PlanRow).values(
                plan_id=one.terms.plan_id, name=one.name, benefit_limit_cents=one.benefit_limit_cents
            )
            stated = {"name": plan.excluded.name} if one.name is not None else {}
            if one.states_limit:
                stated["benefit_limit_cents"] = plan.excluded.benefit_limit_cents
            await connection.execute(
                plan.on_conflict_do_update(index_elements=["plan_id"], set_=stated)
                if stated
                else plan.on_conflict_do_nothing()
            )
            terms = insert(PlanTermsRow).values(**asdict(one.terms))
            changed = {name: terms.excluded[name] for name in asdict(one.terms) if name not in ("plan_id", "first_day")}
            await connection.execute(terms.on_conflict_do_update(index_elements=["plan_id", "first_day"], set_=changed))
