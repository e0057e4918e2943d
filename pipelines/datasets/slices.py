"""Split the examples of a data set by the rule that fits its labels."""

from dataclasses import replace

import numpy as np

from core import clock
from pipelines.datasets.errors import FutureLabelsError
from pipelines.datasets.examples import Examples
from pipelines.datasets.sources import Source
from pipelines.datasets.split import Slices, SplitPolicy, split_by_provider, split_in_time, split_undated


def split_examples(examples: Examples, source: Source, policy: SplitPolicy, *, as_of_us: int) -> Slices:
    """Split in time where labels belong to claims, by provider where they belong to providers; claims
    of a source without dates by provider, member or one by one.

    Raises `FutureLabelsError`, and what the functions of `split.py` raise.
    """
    if source.label_of == "provider":
        return split_by_provider(
            examples.received_us, examples.providers, examples.fraud, as_of_us=as_of_us, policy=policy
        )
    if source.about.get("dated") is False:
        members = np.array(examples.claims["member_id"].to_pylist(), dtype=object)
        groups = {"provider": examples.providers, "member": members}
        ids = examples.claims["claim_id"].to_pylist()
        return split_undated(
            examples.received_us, groups, examples.fraud, as_of_us=as_of_us, policy=policy, claim_ids=ids
        )
    dated = examples.known_us if source.dated_labels else None
    assumed = source.about.get("label_known_after_days")
    if assumed is not None:  # no label is known later
        policy = replace(policy, embargo_days=min(policy.embargo_days, assumed))
    if dated is not None and not (dated <= as_of_us).any():
        raise FutureLabelsError(
            f"none of the {len(examples):,} labels was known by {clock.from_micros(as_of_us):%Y-%m-%d}: they are dated "
            "after the claims; check label_known_at, or train as of a later day"
        )
    return split_in_time(examples.received_us, dated, as_of_us=as_of_us, policy=policy, least_frauds_of=examples.fraud)
