"""The Feast objects, generated from the declared views: an entity a key column, a view a kind of row, one service.

There are no on-demand views and no stream views: Feast runs their code out of the registry.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Array, Int64, String

from features.declare import AGGREGATION_GROUPS, PLANS, VIEWS, RowKind, View
from features.offline import EVENT_TIME, file_of

SERVICE = "fraud_v1"
"""The feature service of the model's vector. What a served service holds never changes: another gets the next name."""

_MEANING = {entity.name: entity.meaning for entity in AGGREGATION_GROUPS} | {
    "provider_network": "A provider's place among those it shares members with."
}
_KIND = {
    RowKind.HISTORY: "Up to the last midnight, UTC.",
    RowKind.TODAY: "Since midnight, UTC.",
    RowKind.WEEKLY: "By the weekly job.",
}


def entities() -> list[Entity]:
    """An entity for each key column of some view."""
    keys = dict.fromkeys(key for plan in PLANS.values() for key in plan.keys)
    return [Entity(name=key, join_keys=[key], value_type=ValueType.STRING) for key in keys]


def feature_view(home: Path, view: View, known: dict[str, Entity]) -> FeatureView:
    """The Feast view of a declared one, on its Parquet file under `home`."""
    values = [Field(name=field.name, dtype=Array(Int64) if field.is_array else Int64) for field in view.fields]
    source = FileSource(name=view.name, path=str(file_of(home, view).resolve()), timestamp_field=EVENT_TIME)
    return FeatureView(
        name=view.name,
        entities=[known[key] for key in view.keys],
        ttl=timedelta(days=view.ttl_days or 0),
        schema=[*(Field(name=key, dtype=String) for key in view.keys), *values],
        source=source,
        description=f"{_MEANING[view.entity]} {_KIND[view.kind]}",
    )


def feast_objects(home: Path) -> list[Any]:
    """Everything that is applied, in an order that does not change."""
    known = {entity.name: entity for entity in entities()}
    views = [feature_view(home, view, known) for view in VIEWS]
    service = FeatureService(name=SERVICE, features=list(views), description="All that the fraud model's vector needs.")
    return [*known.values(), *views, service]
