"""What the simulator knows: which claims are fraud. The people of the demo find out what it knows, and no more."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pipelines.simulate import UpcomingClaim

SAMPLED_DAYS: Final = 365
"""Days of service that are sampled."""
_MOST_UPCOMING: Final = 12
"""Fraudulent claims of a suspect that are submitted."""
_LEAST_PAST: Final = 12
"""Claims of the provider in the sampled days."""
_LEAST_FRAUDS: Final = 3
"""Fraudulent claims among them: a sample finds one."""
_SUSPECTS: Final = 10
_OTHERS: Final = 60
"""Claims of other providers that are submitted."""


@dataclass(frozen=True, slots=True)
class SimulatedTruth:
    """The kinds of fraud of claims by their ids; a claim that is not here is honest."""

    kinds: Mapping[str, str]
    defrauded_cents: Mapping[str, int]
    """By provider: billed in fraudulent claims of the sampled days."""
    frauds: Mapping[str, int]
    """By provider: fraudulent claims of the sampled days."""
    claims: Mapping[str, int]
    """By provider: claims of the sampled days."""

    @classmethod
    def read(cls, folder: Path) -> "SimulatedTruth":
        """The truth of the frames in `home/data`."""
        import pyarrow.parquet as pq

        kinds: dict[str, str] = {}
        for name in ("labels", "upcoming_labels"):
            for one in pq.read_table(folder / f"{name}.parquet", columns=["claim_id", "is_fraud", "kind"]).to_pylist():
                if one["is_fraud"]:
                    kinds[one["claim_id"]] = one["kind"]
        columns = ["claim_id", "provider_id", "amount_cents", "service_from"]
        past = pq.read_table(folder / "claims.parquet", columns=columns).to_pylist()
        first = max(one["service_from"] for one in past) - timedelta(days=SAMPLED_DAYS)
        defrauded: Counter[str] = Counter()
        frauds: Counter[str] = Counter()
        claims: Counter[str] = Counter()
        for one in past:
            if one["service_from"] >= first:
                claims[one["provider_id"]] += 1
                if one["claim_id"] in kinds:
                    defrauded[one["provider_id"]] += one["amount_cents"]
                    frauds[one["provider_id"]] += 1
        return cls(kinds, defrauded, frauds, claims)

    def with_ids(self, ids: Mapping[str, str]) -> "SimulatedTruth":
        """The truth with the ids that claims got when they were submitted, by their simulated ids."""
        submitted = {ids[one]: kind for one, kind in self.kinds.items() if one in ids}
        return replace(self, kinds={**self.kinds, **submitted})

    def is_worth_a_sample(self, provider_id: str) -> bool:
        """Whether a sample of the provider's claims can be drawn, and has something to find."""
        return self.claims.get(provider_id, 0) >= _LEAST_PAST and self.frauds.get(provider_id, 0) >= _LEAST_FRAUDS

    def suspects(self, upcoming: "Sequence[UpcomingClaim]") -> list[str]:
        """Providers that defrauded the insurer most and go on, the worst first.

        Raises `ValueError` where none goes on.
        """
        going_on = {one["provider_id"] for one in upcoming if one["claim_id"] in self.kinds}
        suspects = [one for one in going_on if self.is_worth_a_sample(one)]
        if not suspects:
            raise ValueError("no provider of the simulated insurer goes on with fraud; simulate more claims")
        return sorted(suspects, key=lambda one: (-self.defrauded_cents[one], one))[:_SUSPECTS]

    def day_of_claims(self, upcoming: "Sequence[UpcomingClaim]", suspects: Sequence[str]) -> "list[UpcomingClaim]":
        """A day at the insurer: fraudulent claims of the suspects, among claims of other providers."""
        others = [one["claim_id"] for one in upcoming if one["provider_id"] not in suspects][:_OTHERS]
        own = [one for one in upcoming if one["claim_id"] in self.kinds]
        frauds = (
            [one["claim_id"] for one in own if one["provider_id"] == suspect][:_MOST_UPCOMING] for suspect in suspects
        )
        chosen = {*others, *itertools.chain.from_iterable(frauds)}
        return [one for one in upcoming if one["claim_id"] in chosen]
