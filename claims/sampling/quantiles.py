"""Quantiles of the normal, Student's t and beta distributions.

Student's t and beta come from the regularized incomplete beta function, evaluated as a continued fraction (Abramowitz
and Stegun, Handbook of Mathematical Functions, 26.5.8, by the method of Lentz) and inverted by bisection.
"""

import math
from statistics import NormalDist
from typing import Final

_SMALLEST: Final = 1e-300
_MOST_TERMS: Final = 10_000
_CLOSE: Final = 1e-16
_HALVINGS: Final = 200


def normal_quantile(probability: float) -> float:
    """Of the standard normal distribution."""
    return NormalDist().inv_cdf(probability)


def student_t_quantile(probability: float, degrees: float) -> float:
    """Of Student's t with `degrees` of freedom, which need not be whole. Raises `ValueError` outside (0, 1)."""
    if not 0 < probability < 1 or degrees <= 0:
        raise ValueError("probability must be between 0 and 1, and degrees above 0")
    tail = 2 * min(probability, 1 - probability)
    if tail == 1:
        return 0.0
    # P(|T| > t) = I_x(v/2, 1/2) with x = v / (v + t²). Near x = 1, that is for small t, 1 - x is bisected, so that
    # the square root keeps its digits.
    if tail < _beta_share(degrees / 2, 0.5, 0.5):
        part = beta_quantile(tail, degrees / 2, 0.5)
        size = math.sqrt(degrees * (1 - part) / part)
    else:
        part = beta_quantile(1 - tail, 0.5, degrees / 2)
        size = math.sqrt(degrees * part / (1 - part))
    return size if probability > 0.5 else -size


def beta_quantile(probability: float, a: float, b: float) -> float:
    """Of the beta distribution, by bisection to the last digit."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if _beta_share(a, b, middle) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _beta_share(a: float, b: float, x: float) -> float:
    """The regularized incomplete beta function I_x(a, b)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _continued_fraction(a, b, x) / a
    return 1 - front * _continued_fraction(b, a, 1 - x) / b


def _continued_fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for part in (even, odd):
            d = 1 / _away_from_zero(1 + part * d)
            c = _away_from_zero(1 + part / c)
            value *= c * d
        if abs(c * d - 1) < _CLOSE:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _SMALLEST else _SMALLEST
