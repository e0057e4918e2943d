"""What a model states about its training, with every field required: an absent one is an error, not a default."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.artefact import Artefact
from pipelines.datasets import SplitPolicy
from pipelines.evaluate.errors import ProvenanceError

THRESHOLDS_CHOSEN = "thresholds_chosen"


@dataclass(frozen=True, slots=True)
class Provenance:
    """The training of one model, as far as an evaluation needs it."""

    use: str
    """The name of the model's use."""
    dataset: str
    data_sha256: str
    policy: SplitPolicy
    as_of_us: int
    test_from_us: int
    """Claims received from then on were kept out of training."""

    @staticmethod
    def thresholds_chosen(artefact: Artefact) -> int:
        """How often a threshold was chosen on a part of the newest window, which evaluates the model no longer."""
        stated = artefact.document.provenance.get(THRESHOLDS_CHOSEN, 0)
        return stated if isinstance(stated, int) else 0

    @classmethod
    def of(cls, artefact: Artefact) -> "Provenance":
        """Read a model's provenance. Raises `ProvenanceError` naming a field that is absent or invalid."""
        stated: Mapping[str, object] = artefact.document.provenance
        try:
            policy = stated["policy"]
            if not isinstance(policy, dict):
                raise TypeError("policy must be an object")
            return cls(
                use=artefact.document.use_name,
                dataset=_text(stated, "dataset"),
                data_sha256=_text(stated, "data_sha256"),
                policy=SplitPolicy(**policy),
                as_of_us=_integer(stated, "as_of_us"),
                test_from_us=_integer(stated, "test_from_us"),
            )
        except KeyError as absent:
            raise ProvenanceError(f"model {artefact.version} does not state its {absent}; train it again") from None
        except TypeError as invalid:
            raise ProvenanceError(f"provenance of model {artefact.version}: {invalid}; train it again") from None


def _text(stated: Mapping[str, object], name: str) -> str:
    value = stated[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a text")
    return value


def _integer(stated: Mapping[str, object], name: str) -> int:
    value = stated[name]
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an integer")
    return value
