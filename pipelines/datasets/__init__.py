"""Data sets for training and evaluation: open them, build their features, label and split their claims."""

from typing import TYPE_CHECKING

from pipelines.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from pipelines.datasets.errors import (
        DataError,
        DatasetError,
        EmptyWindowError,
        FutureLabelsError,
        LabelError,
        LabelTimeError,
        MissingLabelsError,
        ProviderSplitError,
        RejectedRowsError,
        SplitError,
        TooFewFraudsError,
    )
    from pipelines.datasets.examples import Examples, UnlabelledClaims, examples_of, usable_features
    from pipelines.datasets.label_snapshot import LabelSnapshot, SnapshotError, claim_hashes, labels_file
    from pipelines.datasets.members import objections_note, record_members, saw_member, without_members
    from pipelines.datasets.population import resampling_units, score_population
    from pipelines.datasets.slices import split_examples
    from pipelines.datasets.sources import (
        PROVIDER_FRAUD,
        SIMULATED,
        Source,
        open_file,
        open_folder,
        open_named,
        open_or_ingest,
    )
    from pipelines.datasets.split import Slices, SplitPolicy
    from pipelines.datasets.uses import use_in_service, use_of
    from pipelines.datasets.vectors import (
        OFFLINE_ONLY_REDIS_URL,
        as_of_us,
        build_features,
        ensure_features,
        read_vectors,
    )
    from pipelines.datasets.weights import MAX_TRAINING_WEIGHT, training_weights

__all__ = [
    "MAX_TRAINING_WEIGHT",
    "OFFLINE_ONLY_REDIS_URL",
    "PROVIDER_FRAUD",
    "SIMULATED",
    "DataError",
    "DatasetError",
    "EmptyWindowError",
    "Examples",
    "FutureLabelsError",
    "LabelError",
    "LabelSnapshot",
    "LabelTimeError",
    "MissingLabelsError",
    "ProviderSplitError",
    "RejectedRowsError",
    "Slices",
    "SnapshotError",
    "Source",
    "SplitError",
    "SplitPolicy",
    "TooFewFraudsError",
    "UnlabelledClaims",
    "as_of_us",
    "build_features",
    "claim_hashes",
    "ensure_features",
    "examples_of",
    "labels_file",
    "objections_note",
    "open_file",
    "open_folder",
    "open_named",
    "open_or_ingest",
    "read_vectors",
    "record_members",
    "resampling_units",
    "saw_member",
    "score_population",
    "split_examples",
    "training_weights",
    "usable_features",
    "use_in_service",
    "use_of",
    "without_members",
]
__getattr__ = lazy_exports(__name__, __file__)
