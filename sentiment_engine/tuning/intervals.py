"""95 % intervals of shares, rates and quantiles, without a statistics package."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

TAIL = 0.025
DRAWS = 2000


def wilson(hits: int, n: int) -> list[float] | None:
    """Of a share (Wilson 1927); None of nothing."""
    if not n:
        return None
    z, p = 1.959964, hits / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = ((middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n))
    return [round(max(0.0, low), 3), round(min(1.0, high), 3)]


def garwood(count: int, hours: float) -> list[float] | None:
    """Of a rate an hour of a Poisson count, exact (Garwood 1936); None where no hour was heard."""
    if not hours:
        return None
    low = _solve(lambda mean: 1 - poisson_cdf(count - 1, mean), TAIL, count) if count else 0.0
    high = _solve(lambda mean: -poisson_cdf(count, mean), -TAIL, count)
    return [round(low / hours, 3), round(high / hours, 3)]


def poisson_cdf(count: int, mean: float) -> float:
    """P(X <= count) for a Poisson variable of that mean, above 0."""
    terms = [math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count + 1)]
    return min(1.0, math.fsum(terms))


def bootstrap(values: Sequence[float], q: float, seed: int = 0) -> list[float] | None:
    """Of a quantile, by drawing the calls anew (percentile bootstrap, Efron 1979); None of nothing."""
    if not values:
        return None
    rng, known = np.random.default_rng(seed), np.asarray(values, np.float64)
    drawn = np.quantile(known[rng.integers(len(known), size=(DRAWS, len(known)))], q, axis=1)
    low, high = np.quantile(drawn, (TAIL, 1 - TAIL))
    return [round(float(low), 2), round(float(high), 2)]


def _solve(rising: Callable[[float], float], wanted: float, count: int) -> float:
    """The mean at which `rising` reaches `wanted`, by halving."""
    low, high = 1e-12, count + 10 * math.sqrt(count + 1) + 10
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < wanted else (low, middle)
    return high
