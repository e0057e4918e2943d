"""The share of a model's gain whose inputs were available for a claim: how much of the model applies to it."""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from features.vector import ModelSchema, needs
from models.families import Model


def gain_shares(model: Model) -> NDArray[np.float64]:
    """Each feature's share of what the model learned (F,), summing to 1; zeros if it learned from none.

    Raises `SchemaMismatchError` when a booster splits on a feature that it does not name.
    """
    gains = model.gains()
    total = gains.sum()
    return gains / total if total > 0 else gains


class GainPresent:
    """Computes the share for one claim from its unavailable inputs. May be shared by threads."""

    def __init__(self, model: Model, schema: ModelSchema) -> None:
        self._shares = gain_shares(model)
        places: dict[str, list[int]] = {}
        for place, feature in enumerate(schema.features):
            for needed in needs(feature):
                places.setdefault(needed, []).append(place)
        self._places = places
        # The same few inputs are unavailable again and again, and the result depends on nothing else.
        self._remembered = lru_cache(maxsize=1024)(self._share_without)

    def of(self, unknown: Iterable[str]) -> float:
        """The share of features that need none of `unknown` (`features.vector.inputs_of`); 1 where nothing is unknown.

        A feature that is undefined because a count is zero counts as available: that nothing happened is known.
        """
        return self._remembered(tuple(unknown))

    def _share_without(self, unknown: tuple[str, ...]) -> float:
        absent = {place for name in unknown for place in self._places.get(name, ())}
        return min(1.0, max(0.0, 1.0 - float(sum(self._shares[place] for place in sorted(absent)))))
