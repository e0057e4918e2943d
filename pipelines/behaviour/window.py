"""Clean claims of the newest window, and the catalogue with the statistics before it."""

import numpy as np
import pyarrow as pa

from core import clock
from pipelines.behaviour.submissions import SourceCatalogue, Submission, read_catalogue, read_submissions
from pipelines.evaluate import Window

MAX_CLAIMS = 300
"""Claims of a window that are perturbed, evenly spread over it."""
LATEST_SHARE = 1 / 3
"""Of a data set that is split by provider, the latest share of the claims that is used."""


def held_out(window: Window, *, maximum: int = MAX_CLAIMS) -> tuple[tuple[Submission, ...], SourceCatalogue]:
    """At most `maximum` valid clean claims of the window, and the catalogue as of the window's first day."""
    examples, rows = window.examples, window.rows
    if window.source.label_of == "provider":
        # Such a window is by provider, not by time: its earliest claims have no year before them to compare with.
        rows = rows[examples.received_us[rows] >= np.quantile(examples.received_us, 1 - LATEST_SHARE)]
    first_day = clock.from_micros(int(examples.received_us[rows].min())).date()
    valid = examples.claims["voided_at"].is_null().to_numpy()[rows]
    clean = rows[~examples.fraud[rows] & valid]
    taken = clean[np.unique(np.linspace(0, max(len(clean) - 1, 0), maximum).astype(np.intp))] if len(clean) else clean
    table = examples.claims.take(pa.array(taken))
    found = read_submissions(window.source, table, examples.fraud[taken])
    return found.claims, read_catalogue(window.source, first_day)
