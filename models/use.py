"""What a model is used for: the claims of one business, by the name of the use and a sketch of their providers.

The sketch holds the smallest hashes of the providers (a bottom-k sketch; Cohen and Kaplan, "Summarizing data using
bottom-k sketches", PODC 2007), from which the overlap of two populations is estimated without either's data.
"""

import hashlib
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

SKETCH_SIZE = 128
USE_NAME = r"^[^\x00-\x1f\x7f]{1,100}$"


class PopulationSketch(BaseModel):
    """A set of entities by its size and its smallest hashes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(ge=0, description="Distinct entities.")
    smallest: tuple[str, ...] = Field(max_length=SKETCH_SIZE, description="Smallest hashes, in order.")

    @classmethod
    def of(cls, entities: Iterable[str]) -> "PopulationSketch":
        """The sketch of distinct entities."""
        hashes = sorted({hashlib.sha256(entity.encode()).hexdigest()[:12] for entity in entities})
        return cls(size=len(hashes), smallest=tuple(hashes[:SKETCH_SIZE]))

    def shared_with(self, other: "PopulationSketch") -> float:
        """The estimated share of the smaller set that is in the other one; exact for sets of at most `SKETCH_SIZE`."""
        smaller = min(self.size, other.size)
        if not smaller:
            return 0.0
        mine, theirs = set(self.smallest), set(other.smallest)
        sampled = sorted(mine | theirs)
        if max(self.size, other.size) > SKETCH_SIZE:
            sampled = sampled[:SKETCH_SIZE]
        similarity = len(mine & theirs & set(sampled)) / len(sampled)
        common = similarity * (self.size + other.size) / (1 + similarity)
        return min(common / smaller, 1.0)


class ModelUse(BaseModel):
    """The use of a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=USE_NAME)
    columns: tuple[str, ...] = Field((), description="Claim fields and attributes that its claims had.")
    population: PopulationSketch | None = Field(
        None, description="Providers with their specialty and region; null: the claims name no provider."
    )
