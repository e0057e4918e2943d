"""Labels of rejected rows: where they differ from those of accepted rows, a model of the accepted rows is biased."""

from dataclasses import dataclass

LEAST_ROWS = 20
"""Labelled rejected rows from which on the association is tested."""
LEVEL = 0.001
"""Two-sided p-value of Fisher's exact test below which rejects and label are associated."""


@dataclass(frozen=True, slots=True)
class LabelCount:
    """Labelled rows, and how many of them are fraud."""

    labelled: int = 0
    fraud: int = 0

    @property
    def rate(self) -> float | None:
        """Share of fraud; None without a label."""
        return self.fraud / self.labelled if self.labelled else None

    def plus(self, other: "LabelCount") -> "LabelCount":
        """The sum of both."""
        return LabelCount(self.labelled + other.labelled, self.fraud + other.fraud)


def associated(rejected: LabelCount, accepted: LabelCount) -> bool:
    """Whether being rejected and being fraud are associated (Fisher, 1922, two-sided), from `LEAST_ROWS` rows on."""
    if rejected.labelled < LEAST_ROWS or not accepted.labelled:
        return False
    import numpy as np
    from scipy.stats import fisher_exact

    table = np.array([[group.fraud, group.labelled - group.fraud] for group in (rejected, accepted)])
    return bool(fisher_exact(table).pvalue < LEVEL)
