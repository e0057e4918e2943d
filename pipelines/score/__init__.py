"""Prepare a file of claims for scoring: read it into the claims frame, and build its features with the history."""

from typing import TYPE_CHECKING

from pipelines.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from pipelines.score.errors import InputError
    from pipelines.score.past import features_for, with_windows
    from pipelines.score.read import ReadClaims, read_claims

__all__ = ["InputError", "ReadClaims", "features_for", "read_claims", "with_windows"]
__getattr__ = lazy_exports(__name__, __file__)
