"""Expected recovery of a review: what a list for investigators is ordered by. It never decides a claim.

    expected recovery = P(fraud | score, amount) × recoverable amount of a fraud − cost of the review

- **P(fraud | score, amount)** corrects the calibrated probability for the amount: a model calibrated over all claims
  need not be calibrated over the expensive ones, and a list by money consists of those. Its log-odds are those of the
  model plus `intercept + slope · (log-odds − centre) + elasticity · (log(amount) − centre)`: a Bayesian logistic
  regression with the model's log-odds as offset and a Gaussian prior (Laplace approximation; Bishop, Pattern
  Recognition and Machine Learning, section 4.5). `elasticity = 0` ranks by probability × amount, `-0.5` about by
  probability × √amount: the exponent is learned instead of chosen, and the prior stands until findings say otherwise.
- **The recoverable amount** of a fraud lies between the excess over what honest peers bill (upcoding) and the whole
  amount (a service never given): `excess + share · (amount − excess)`. The share is learned from the amounts recovered
  of confirmed claims, shrunk to a prior.
- **The interval** is the one of the expectation, from both posteriors: it says how well the expectation is known, not
  what one review will recover.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import RecoveryModelError

Floats = NDArray[np.float64]

PRIOR_MEAN = (0.0, 0.0, -0.25)
"""Prior means of intercept, slope and elasticity: between probability × amount and probability × √amount."""
PRIOR_SD = (0.5, 0.25, 0.1)
PRIOR_WHOLE_SHARE = 0.75
"""Share of the part not above the peers that is recovered of a fraud, before any finding."""
PRIOR_FINDINGS = 10.0
"""How many findings the prior of that share counts for."""
LEVEL_90 = 1.6448536269514722
"""Standard normal quantile at 95 %: the ends of a two-sided interval at 90 %."""
_ITERATIONS = 50
_LEAST_PROBABILITY = 1e-6


@dataclass(frozen=True, slots=True)
class RecoveryCentre:
    """Log-odds and logarithm of the amount at which the correction is its intercept, which the prior puts at zero.

    They are averages over the frauds that the model expects among the claims to rank, so that before any finding about
    as many frauds are expected of these claims as the probabilities say, whatever the currency.
    """

    log_odds: float
    log_amount: float

    @classmethod
    def of(
        cls, probabilities: Floats, amounts_cents: NDArray[np.int64], weights: Floats | None = None
    ) -> "RecoveryCentre":
        """The centre of claims (N,), each of which may represent several; zeros of no claim."""
        expected = np.maximum(probabilities, _LEAST_PROBABILITY) * (1.0 if weights is None else weights)
        if not len(expected):
            return cls(0.0, 0.0)
        return cls(
            float(np.average(_log_odds(probabilities), weights=expected)),
            float(np.average(_log_amounts(amounts_cents), weights=expected)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryEvidence:
    """Labelled claims the parameters are learned from; every array has one row per claim (N,)."""

    probabilities: Floats
    """Calibrated probabilities by a model that was not trained on these claims."""
    amounts_cents: NDArray[np.int64]
    peers_cents: Floats
    """What honest peers bill for the same procedure; NaN: unknown."""
    fraud: NDArray[np.bool_]
    recovered_cents: Floats
    """Recovered of a confirmed fraud; NaN, 0 or less: not stated."""
    weights: Floats | None = None
    """Inverse propensities; None: all 1."""

    def __post_init__(self) -> None:
        rows = len(self.fraud)
        for name in ("probabilities", "amounts_cents", "peers_cents", "recovered_cents"):
            if len(getattr(self, name)) != rows:
                raise RecoveryModelError(f"{name} has {len(getattr(self, name))} rows for {rows} labels")
        if self.weights is not None and (len(self.weights) != rows or not (self.weights > 0).all()):
            raise RecoveryModelError("weights must be positive, one for each label")
        if not np.isfinite(self.probabilities).all():
            raise RecoveryModelError("probabilities must be finite")


@dataclass(frozen=True, slots=True)
class ExpectedRecovery:
    """Expected recovery of claims in cents, less the cost of the review, with a 90 % interval; arrays of (N,)."""

    cents: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryModel:
    """Posterior of the parameters."""

    coefficients: tuple[float, float, float]
    """Intercept, slope and elasticity."""
    covariance: tuple[tuple[float, ...], ...]
    """Of the coefficients (3, 3)."""
    centre: RecoveryCentre
    whole_share: float
    """Share of the amount not above the peers that is recovered of a fraud, 0 to 1."""
    whole_share_sd: float
    labels: int
    """Labelled claims it was learned from; 0: the prior."""
    frauds: int
    recoveries: int
    """Of them with a recovered amount and a peers' amount."""

    def expected(
        self,
        probabilities: Floats,
        amounts_cents: NDArray[np.int64],
        peers_cents: Floats,
        *,
        review_cents: float = 0.0,
    ) -> ExpectedRecovery:
        """Expected recovery of claims (N,); `peers_cents` is NaN where unknown. Raises `RecoveryModelError`."""
        if not review_cents >= 0:
            raise RecoveryModelError("the cost of a review must be 0 or more")
        if not np.isfinite(probabilities).all():
            raise RecoveryModelError("probabilities must be finite")
        log_odds = _log_odds(probabilities)
        inputs = _inputs(log_odds, amounts_cents, self.centre)
        corrected = log_odds + inputs @ np.array(self.coefficients)
        variance = np.einsum("ni,ij,nj->n", inputs, np.array(self.covariance), inputs)
        # The mean of a logistic of a Gaussian, by MacKay's approximation (Bishop, equation 4.153).
        fraud = _logistic(corrected / np.sqrt(1 + np.pi * variance / 8))
        excess, rest = _excess_and_rest(amounts_cents, peers_cents)
        recoverable = excess + self.whole_share * rest
        relative_sd = np.divide(
            self.whole_share_sd * rest, recoverable, out=np.zeros_like(recoverable), where=recoverable > 0
        )
        # Of the logarithm of the product, both parts to first order.
        spread = LEVEL_90 * np.sqrt(((1 - fraud) ** 2) * variance + relative_sd**2)
        value = fraud * recoverable
        low, high = value * np.exp(-spread), np.minimum(value * np.exp(spread), amounts_cents)
        return ExpectedRecovery(value - review_cents, low - review_cents, np.maximum(high, value) - review_cents)


def prior_model(centre: RecoveryCentre) -> RecoveryModel:
    """The parameters before any finding, for claims with this centre."""
    return _posterior(np.array(PRIOR_MEAN), np.diag(np.square(PRIOR_SD)), centre, whole=(0.0, 0), labels=0, frauds=0)


def fit_recovery(evidence: RecoveryEvidence, centre: RecoveryCentre | None = None) -> RecoveryModel:
    """Learn the parameters from labelled claims; with few of them they stay near the prior.

    `centre` is that of the claims to rank; None: the labelled claims represent them. Weights are scaled to the
    effective number of claims (Kish), so that a few heavy ones do not look like many.
    """
    centre = centre or RecoveryCentre.of(evidence.probabilities, evidence.amounts_cents, evidence.weights)
    rows = len(evidence.fraud)
    if rows == 0:
        return prior_model(centre)
    weights = np.ones(rows) if evidence.weights is None else evidence.weights
    weights = weights * (weights.sum() / np.square(weights).sum())
    log_odds = _log_odds(evidence.probabilities)
    inputs = _inputs(log_odds, evidence.amounts_cents, centre)
    coefficients, covariance = _laplace(inputs, log_odds, evidence.fraud, weights)
    return _posterior(
        coefficients,
        covariance,
        centre,
        whole=_whole_shares(evidence),
        labels=rows,
        frauds=int(evidence.fraud.sum()),
    )


def _laplace(inputs: Floats, offset: Floats, fraud: NDArray[np.bool_], weights: Floats) -> tuple[Floats, Floats]:
    """Mode and covariance of the posterior, by Newton's method with halved steps."""
    mean, precision = np.array(PRIOR_MEAN), np.diag(1 / np.square(PRIOR_SD))

    def loss(theta: Floats) -> float:
        logits = offset + inputs @ theta
        fit = float(weights @ (np.logaddexp(0.0, logits) - fraud * logits))
        return fit + 0.5 * float((theta - mean) @ precision @ (theta - mean))

    theta, current = mean.copy(), loss(mean)
    for _ in range(_ITERATIONS):
        p = _logistic(offset + inputs @ theta)
        gradient = inputs.T @ (weights * (p - fraud)) + precision @ (theta - mean)
        hessian = (inputs * (weights * p * (1 - p))[:, None]).T @ inputs + precision
        step = np.linalg.solve(hessian, gradient)
        while (proposed := loss(theta - step)) > current and np.abs(step).max() > 1e-10:
            step = step / 2
        theta, current = theta - step, proposed
        if np.abs(step).max() < 1e-8:
            break
    p = _logistic(offset + inputs @ theta)
    hessian = (inputs * (weights * p * (1 - p))[:, None]).T @ inputs + precision
    return theta, np.asarray(np.linalg.inv(hessian), dtype=np.float64)


def _whole_shares(evidence: RecoveryEvidence) -> tuple[float, int]:
    """Sum and number of the shares recovered of what does not exceed the peers, over confirmed claims that say it."""
    excess, rest = _excess_and_rest(evidence.amounts_cents, evidence.peers_cents)
    stated = evidence.fraud & (np.nan_to_num(evidence.recovered_cents) > 0) & (rest > 0)
    shares = np.clip((evidence.recovered_cents[stated] - excess[stated]) / rest[stated], 0.0, 1.0)
    return float(shares.sum()), int(stated.sum())


def _posterior(
    coefficients: Floats,
    covariance: Floats,
    centre: RecoveryCentre,
    *,
    whole: tuple[float, int],
    labels: int,
    frauds: int,
) -> RecoveryModel:
    total, count = whole
    share = (PRIOR_FINDINGS * PRIOR_WHOLE_SHARE + total) / (PRIOR_FINDINGS + count)
    intercept, slope, elasticity = (float(one) for one in coefficients)
    return RecoveryModel(
        coefficients=(intercept, slope, elasticity),
        covariance=tuple(tuple(float(one) for one in row) for row in covariance),
        centre=centre,
        whole_share=share,
        whole_share_sd=float(np.sqrt(share * (1 - share) / (PRIOR_FINDINGS + count + 1))),
        labels=labels,
        frauds=frauds,
        recoveries=count,
    )


def _inputs(log_odds: Floats, amounts: NDArray[np.int64], centre: RecoveryCentre) -> Floats:
    """Inputs of the regression (N, 3)."""
    return np.column_stack(
        [np.ones(len(log_odds)), log_odds - centre.log_odds, _log_amounts(amounts) - centre.log_amount]
    )


def _excess_and_rest(amounts: NDArray[np.int64], peers: Floats) -> tuple[Floats, Floats]:
    """The part of each amount above the peers, 0 where they are unknown, and the rest of it."""
    values = np.asarray(amounts, dtype=np.float64)
    excess = np.maximum(values - np.where(np.isnan(peers), values, peers), 0.0)
    return excess, values - excess


def _log_amounts(amounts: NDArray[np.int64]) -> Floats:
    return np.log(np.maximum(np.asarray(amounts, dtype=np.float64), 1.0))


def _log_odds(probabilities: Floats) -> Floats:
    p = np.clip(probabilities, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    return np.log(p) - np.log1p(-p)


def _logistic(logits: Floats) -> Floats:
    return np.exp(-np.logaddexp(0.0, -logits))
