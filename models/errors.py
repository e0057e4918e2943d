"""What can go wrong with a model.

ModelError
├── ArtefactError            the folder on disk
│   ├── ArtefactMissingError     it, or a file of it, is not there
│   ├── ArtefactCorruptError     it is there and is not what its manifest says
│   ├── ArtefactOutdatedError    another version of ginja wrote it, in a format this one does not read
│   └── ArtefactExistsError      another one already has this version
├── PointerError             the champion's or challenger's pointer cannot be read, or points nowhere
├── TrainingError            the inputs cannot train a model
├── CalibrationError         the inputs cannot calibrate one
├── ThresholdError           no threshold meets what was asked
├── ExplainerError           the booster cannot be explained from tables
│   ├── UnsupportedBoosterError  a kind of booster the tables do not cover
│   ├── TablesTooLargeError      the tables would exceed their limit
│   └── OutdatedTablesError      the file of the tables has another format
├── SchemaMismatchError      vector and model do not have the same features
└── RegistryError            MLflow refused, failed or died
"""


class ModelError(Exception):
    """Anything this room raises on purpose."""


class ArtefactError(ModelError):
    """A model's folder on disk."""


class ArtefactMissingError(ArtefactError):
    """The folder, or a file its manifest names, is not there."""

    exit_code = 2


class ArtefactCorruptError(ArtefactError):
    """The folder is not what its manifest says; it must not be loaded."""


class ArtefactOutdatedError(ArtefactError):
    """Another version of ginja wrote the folder, in a format that this one does not read."""


class ArtefactExistsError(ArtefactError):
    """Another artefact already has this version."""


class PointerError(ModelError):
    """A pointer file cannot be read, or points nowhere."""


class TrainingError(ModelError):
    """These inputs cannot train a model."""


class CalibrationError(ModelError):
    """These inputs cannot calibrate a model."""


class ThresholdError(ModelError):
    """No threshold meets what was asked."""


class ExplainerError(ModelError):
    """The booster cannot be explained from tables."""


class UnsupportedBoosterError(ExplainerError):
    """A kind of booster the tables do not cover."""


class TablesTooLargeError(ExplainerError):
    """The tables would exceed their limit in bytes."""


class OutdatedTablesError(ExplainerError):
    """The file of the tables has another format than this version reads."""


class SchemaMismatchError(ModelError):
    """Vector and model do not have the same features."""


class RegistryError(ModelError):
    """MLflow refused, failed or died."""
