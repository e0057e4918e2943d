"""Errors of the model room.

ModelError
├── ArtefactError            a model folder on disk
│   ├── ArtefactMissingError     the folder or one of its files is missing
│   ├── ArtefactCorruptError     the folder does not match its manifest
│   ├── ArtefactUnsignedError    it has no signature, or that of a key that is not trusted
│   ├── ArtefactOutdatedError    written by another version of ginja, in a format this version does not read
│   └── ArtefactExistsError      another artefact has this version
├── ShadowOnlyError          a model without exact reasons would decide claims
├── PointerError             a champion or challenger pointer is unreadable or has no valid target
├── FamilyError              a family of models is unknown, not installed or has no such parameter
├── CustomModelError         a model of the user's own failed
├── TrainingError            the inputs cannot train a model
├── CalibrationError         the inputs cannot calibrate one
├── ThresholdError           no threshold meets the request
├── RecoveryModelError       the inputs cannot give an expected recovery
├── ExplainerError           the model cannot be explained from tables
│   ├── UnsupportedBoosterError  trees of a kind the tables do not support
│   └── OutdatedTablesError      the table file has an unsupported format
├── SchemaMismatchError      vector and model have different features
└── RegistryError            MLflow failed or is unavailable
"""


class ModelError(Exception):
    """Root of the errors of this room."""


class ArtefactError(ModelError):
    """A model folder on disk is unusable."""


class ArtefactMissingError(ArtefactError):
    """The folder, or a file listed in its manifest, is missing."""

    exit_code = 2


class ArtefactCorruptError(ArtefactError):
    """The folder does not match its manifest and must not be loaded."""


class ArtefactUnsignedError(ArtefactError):
    """The folder has no signature, or one of a key that is not trusted here."""


class ArtefactOutdatedError(ArtefactError):
    """The folder was written by another version of ginja, in a format this version does not read."""


class ArtefactExistsError(ArtefactError):
    """Another artefact already has this version."""


class ShadowOnlyError(ModelError):
    """A model without exact reasons may score in shadow only."""

    exit_code = 2


class PointerError(ModelError):
    """A pointer file is unreadable or has no valid target."""


class FamilyError(ModelError):
    """A family of models is unknown, its library is not installed, or it has no such parameter."""

    exit_code = 2


class ForeignFactoryError(ModelError):
    """A model from a store names a factory, whose module loading it would import."""


class CustomModelError(ModelError):
    """A model of the user's own failed, or gave no finite margins."""


class TrainingError(ModelError):
    """These inputs cannot train a model."""


class CalibrationError(ModelError):
    """These inputs cannot calibrate a model."""


class ThresholdError(ModelError):
    """No threshold meets the request."""


class RecoveryModelError(ModelError):
    """Labels, amounts or a cost cannot give an expected recovery."""


class ExplainerError(ModelError):
    """The model cannot be explained from tables."""


class UnsupportedBoosterError(ExplainerError):
    """Trees of a kind the tables do not support."""


class OutdatedTablesError(ExplainerError):
    """The table file has a format this version does not read."""


class SchemaMismatchError(ModelError):
    """Vector and model have different features."""


class RegistryError(ModelError):
    """MLflow failed or is unavailable."""
