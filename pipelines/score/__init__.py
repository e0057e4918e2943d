"""A file of claims made ready to be scored: read into the claims frame, its past built beside the history at hand."""

from pipelines.score.errors import InputError
from pipelines.score.past import features_for
from pipelines.score.read import ReadClaims, read_claims

__all__ = ["InputError", "ReadClaims", "features_for", "read_claims"]
