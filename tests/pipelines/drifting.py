"""A part of a scored stream."""

from dataclasses import replace

import numpy as np

from pipelines.drift.stream import Codes, ScoredStream


def only(stream: ScoredStream, rows: np.ndarray) -> ScoredStream:
    """The stream with these rows."""
    return replace(
        stream,
        x=stream.x[rows],
        probabilities=stream.probabilities[rows],
        day=stream.day[rows],
        known_day=stream.known_day[rows],
        fraud=stream.fraud[rows],
        codes={name: Codes(codes.values[rows], codes.texts) for name, codes in stream.codes.items()},
    )
