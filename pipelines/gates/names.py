"""The names of the quality gates, as models state them in their provenance."""

RAW_CLAIMS, FEATURES, TRAINING_SET = "raw claims", "features", "training set"
QUALITY_GATES = (RAW_CLAIMS, FEATURES, TRAINING_SET)
"""Every quality gate that a training set passes."""
