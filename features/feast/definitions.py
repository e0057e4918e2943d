"""The Feast objects, generated from the declared views: an entity per key column, a feature view per view, one service.

There are no on-demand views and no stream views: Feast runs their code out of the registry.
"""

from datetime import timedelta
from pathlib import Path

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.feast_object import FeastObject
from feast.types import Array, Int64, String

from features.declare import AGGREGATION_GROUPS, PLANS, VIEWS, RowKind, View
from features.offline import EVENT_TIME, file_of

SERVICE = "fraud_v1"
"""The feature service of the model's vector. The contents of a service never change: a change gets a new name."""

_MEANING = {group.name: group.meaning for group in AGGREGATION_GROUPS} | {
    "provider_network": "A provider's position among those it shares members with."
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


def feature_view(home: Path, view: View, by_name: dict[str, Entity]) -> FeatureView:
    """The Feast view of a declared one, on its Parquet file under `home`."""
    values = [Field(name=field.name, dtype=Array(Int64) if field.is_array else Int64) for field in view.fields]
    source = FileSource(name=view.name, path=str(file_of(home, view).resolve()), timestamp_field=EVENT_TIME)
    return FeatureView(
        name=view.name,
        entities=[by_name[key] for key in view.keys],
        ttl=timedelta(days=view.ttl_days or 0),
        schema=[*(Field(name=key, dtype=String) for key in view.keys), *values],
        source=source,
        description=f"{_MEANING[view.group]} {_KIND[view.kind]}",
    )


def feast_objects(home: Path) -> list[FeastObject]:
    """Everything that is applied, in a fixed order."""
    by_name = {entity.name: entity for entity in entities()}
    views = [feature_view(home, view, by_name) for view in VIEWS]
    service = FeatureService(name=SERVICE, features=list(views), description="The inputs of the fraud model's vector.")
    return [*by_name.values(), *views, service]
