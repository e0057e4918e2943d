"""Feast: registry, offline and online stores, and the training set read through them."""

from features.feast.runtime_checks import runtime_checks_off

with runtime_checks_off():
    from features.feast.definitions import SERVICE, feast_objects
    from features.feast.registry import apply, layout_hash, open_store, registry_path, verify_registry
    from features.feast.training import TrainingSet, historical_features, training_set

__all__ = [
    "SERVICE",
    "TrainingSet",
    "apply",
    "feast_objects",
    "historical_features",
    "layout_hash",
    "open_store",
    "registry_path",
    "training_set",
    "verify_registry",
]
