"""Garbage collection of a process that serves: what lives as long as it does is left out, the rest is collected often.

CPython makes a full collection only when many objects have been created that were not released, and a quarter more than
at the last one. A server that releases almost everything reaches that after days; until then old cycles stay, and the
interpreter keeps up to 2,000 released tuples of each size for reuse, which only a full collection gives back
(`docs/adr/0199-full-collections-by-the-clock.md`).
"""

import gc
from functools import partial
from typing import Final

from core.background import Background
from core.live_claims import LiveClaims

COLLECT_EVERY_S: Final = 10.0


def collect_regularly(background: Background, live: LiveClaims) -> None:
    """Call it after start-up: exclude what exists from collection, and collect the rest every ten seconds.

    A full collection of everything stalls responses by tens of ms; of what came after start-up, by one or two.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    background.repeat("garbage", partial(collect, live), every_s=COLLECT_EVERY_S, first_after_s=COLLECT_EVERY_S)


async def collect(live: LiveClaims) -> None:
    """A full collection, between live claims if there is a moment without any."""
    await live.give_way()
    gc.collect()
