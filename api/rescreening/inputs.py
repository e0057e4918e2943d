"""What is known now about the claims of a batch, and how they compare with it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, TypeVar

from api import catalog, members, providers
from api.code_tables import days_of_service, price_keys, releases_in_force, tables_of_releases
from api.database import Pipelined, Query, Rows
from api.field_keys import FieldKeys
from api.intake import BenefitUse, benefit_used
from api.members import StoredMember
from claims.adjudication import Evidence, run_edits
from claims.benefits import Benefit
from claims.code_tables import EDIT_TABLES, NO_TABLES, PRICE_TABLES, TableKind, TablesInForce
from claims.cost_sharing import CostSharing, terms_on
from claims.outcome import Finding
from claims.payment import LinePrice, line_prices, priced_by_tables
from claims.reference import Diagnosis, Member, Procedure, Provider
from claims.rescreening import (
    CHANGES,
    ChangeKind,
    ScreenedClaim,
    ScreeningDifference,
    amount_difference,
    differs_in_price,
    finding_differences,
)
from core import clock
from core.errors import DecryptionError

T = TypeVar("T")

_UNLIMITED: Final = Benefit(None, 0)
"""The benefit of other claims is no subject of a re-screening."""


class ScreeningInputs:
    """What is known now about the claims of a batch. An entry that cannot be read fails the claims that need it."""

    def __init__(self, kind: ChangeKind) -> None:
        self._change = CHANGES[kind]
        self._members: dict[str, Member | Exception] = {}
        self._providers: dict[str, Provider | Exception] = {}
        self._procedures: dict[str, Procedure] = {}
        self._diagnoses: dict[str, Diagnosis] = {}
        self._tables = NO_TABLES
        self._prices: dict[str, tuple[LinePrice, ...]] = {}
        self._use: dict[str, BenefitUse] = {}
        self._not_priced: dict[str, Exception] = {}

    @classmethod
    async def read(
        cls, connection: Pipelined, keys: FieldKeys, kind: ChangeKind, claims: Sequence[ScreenedClaim]
    ) -> "ScreeningInputs":
        """Read them: a round trip for the references and tables of all claims, another for what those priced otherwise
        need."""
        inputs = cls(kind)
        now = clock.now()
        member_ids = sorted({one.claim.member_id for one in claims})
        provider_ids = sorted({one.claim.provider_id for one in claims})
        codes = {line.procedure_code for one in claims for line in one.claim.lines}
        diagnoses = {code for one in claims for code in one.claim.diagnosis_codes}
        inputs._procedures, inputs._diagnoses = await connection.fetch(
            catalog.procedures(codes), catalog.diagnoses(diagnoses)
        )
        found_members = await connection.fetch_all([_or_error(members.member(one)) for one in member_ids])
        inputs._members = {
            member_id: await _opened(keys, member_id, member)
            for member_id, member in zip(member_ids, found_members, strict=True)
        }
        found_providers = await connection.fetch_all([_or_error(providers.provider(one)) for one in provider_ids])
        inputs._providers = {
            one: provider or Provider(one) for one, provider in zip(provider_ids, found_providers, strict=True)
        }
        if inputs._change.codes:
            known_providers = [one for one in inputs._providers.values() if isinstance(one, Provider)]
            npis = {one.national_id for one in known_providers if one.national_id}
            coded = codes | diagnoses
            inputs._tables = await _tables(connection, EDIT_TABLES, claims, coded | npis, coded | {""}, now)
        if inputs._change.amounts:
            await inputs._read_prices(connection, claims)
        return inputs

    async def _read_prices(self, connection: Pipelined, claims: Sequence[ScreenedClaim]) -> None:
        now = clock.now()
        priced = [one for one in claims if one.is_assessed]
        codes = {line.procedure_code for one in priced for line in one.claim.lines}
        keys = {key for one in priced for key in price_keys(one.claim)}
        in_force = await _tables(connection, PRICE_TABLES, priced, codes, keys, now)
        others = []
        for one in priced:
            try:
                if self._price(one, in_force):
                    others.append(one)
            except Exception as error:  # raised again when this claim is compared
                self._not_priced[one.claim.claim_id] = error
        use = await connection.fetch_all(
            [
                benefit_used(
                    one.claim.member_id,
                    one.claim.service_from,
                    terms=self._terms(one),
                    without=one.claim.claim_id,
                )
                for one in others
            ],
        )
        self._use = {one.claim.claim_id: used for one, used in zip(others, use, strict=True)}

    def _price(self, decided: ScreenedClaim, in_force: TablesInForce) -> bool:
        """Price a claim by the tables known now; says whether it was priced otherwise."""
        terms = self._terms(decided)
        prices = line_prices(decided.claim, in_force if priced_by_tables(terms) else NO_TABLES)
        self._prices[decided.claim.claim_id] = prices
        return differs_in_price(decided, prices, terms)

    def finding_differences(self, decided: ScreenedClaim) -> tuple[ScreeningDifference, ...]:
        """The findings of a claim that differ."""
        return finding_differences(self._change, decided, self._findings(decided))

    def amount_differences(self, decided: ScreenedClaim) -> list[ScreeningDifference]:
        """The amount of a claim if it differs. Raises `AmountUnknown`, and what pricing the claim raised."""
        if decided.claim.claim_id in self._not_priced:
            raise self._not_priced[decided.claim.claim_id]
        use = self._use.get(decided.claim.claim_id)
        if use is None:
            return []
        prices = self._prices[decided.claim.claim_id]
        amount = amount_difference(decided, prices, self._terms(decided), use.shared)
        return [] if amount is None else [amount]

    def _findings(self, decided: ScreenedClaim) -> tuple[Finding, ...]:
        claim = decided.claim
        if not self._change.codes:
            return ()
        codes = {line.procedure_code for line in claim.lines}
        return run_edits(
            Evidence(
                claim,
                self._member(decided),
                _value(self._providers[claim.provider_id]),
                {code: self._procedures.get(code) or Procedure(code) for code in codes},
                {code: self._diagnoses.get(code) or Diagnosis(code) for code in claim.diagnosis_codes},
                _UNLIMITED,
                tables=self._tables,
            )
        )

    def _member(self, decided: ScreenedClaim) -> Member:
        """The member with the plan and cover of the claim's first day of service."""
        return _value(self._members[decided.claim.member_id]).on(decided.claim.service_from)

    def _terms(self, decided: ScreenedClaim) -> CostSharing | None:
        return terms_on(self._member(decided).cost_sharing, decided.claim.service_from)


def _or_error(query: Query[T]) -> Query[T | Exception]:
    """The same query, with the error that reading its rows raised as its result: the other entries are read."""

    def read(rows: Rows) -> T | Exception:
        try:
            return query.read(rows)
        except Exception as error:
            return error

    return Query(query.statement, query.params, read)


async def _opened(keys: FieldKeys, member_id: str, found: StoredMember | Exception | None) -> Member | Exception:
    """A member that was found, or why it cannot be read."""
    if not isinstance(found, StoredMember):
        return Member(member_id) if found is None else found
    try:
        return await members.open_member(keys, found)
    except DecryptionError as error:
        return error


def _value(entry: T | Exception) -> T:
    """An entry that was read. Raises the error where it was not."""
    if isinstance(entry, Exception):
        raise entry
    return entry


async def _tables(
    connection: Pipelined,
    kinds: Sequence[TableKind],
    claims: Sequence[ScreenedClaim],
    codes: Iterable[str],
    others: Iterable[str],
    known_at: datetime,
) -> TablesInForce:
    """The tables in force on the days of service of all claims."""
    days = {day for one in claims for day in days_of_service(one.claim)}
    (releases,) = await connection.fetch(releases_in_force(days, kinds, known_at))
    (tables,) = await connection.fetch(tables_of_releases(releases, codes, others))
    return tables
