"""Honest claims of the newest window, and what was usual before it."""

import numpy as np
import pyarrow as pa

from core import clock
from pipelines.behaviour.submissions import Catalogue, Submission, read_catalogue, read_submissions
from pipelines.evaluate.window import Window

MOST_CLAIMS = 300
"""Claims of a window that are perturbed: evenly spread over it, so that the same window gives the same ones."""
LATEST_SHARE = 1 / 3
"""Of a data set that is split by provider, the share of the claims, by time, that is late enough to judge by."""


def held_out(window: Window, *, most: int = MOST_CLAIMS) -> tuple[tuple[Submission, ...], Catalogue]:
    """At most so many honest claims of the window that stand, and the catalogue as of the window's first day."""
    examples, rows = window.examples, window.rows
    if window.source.label_of == "provider":
        # Such a window is of providers, not of time: its earliest claims have no year before them to compare with.
        rows = rows[examples.received_us[rows] >= np.quantile(examples.received_us, 1 - LATEST_SHARE)]
    first_day = clock.from_micros(int(examples.received_us[rows].min())).date()
    stands = examples.claims["voided_at"].is_null().to_numpy()[rows]
    honest = rows[~examples.fraud[rows] & stands]
    taken = honest[np.unique(np.linspace(0, max(len(honest) - 1, 0), most).astype(np.intp))] if len(honest) else honest
    table = examples.claims.take(pa.array(taken))
    found = read_submissions(window.source, table, examples.fraud[taken])
    return found.claims, read_catalogue(window.source, first_day)
