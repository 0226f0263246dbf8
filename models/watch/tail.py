"""How improbable so many acts are: the upper tail of a negative binomial distribution, in bits.

Written out because it runs several times an event, in the compiled kernel as well: both do the same
steps, so both give the same number.
"""

from __future__ import annotations

from math import log, log2, pi

_LN2 = log(2.0)
_HALF_LOG_2PI = 0.5 * log(2.0 * pi)
_SHIFTED = 10.0  # from here on the series is good to 1e-10
_MAX_TERMS = 60
_NEGLIGIBLE = 1e-9


def log_gamma(x: float) -> float:
    """Logarithm of the gamma function for `x` above 0, by Stirling's series.

    >>> round(log_gamma(5.0), 9), round(log_gamma(0.5), 9)
    (3.17805383, 0.572364943)
    """
    below = 0.0
    while x < _SHIFTED:
        below += log(x)
        x += 1.0
    inverse = 1.0 / x
    square = inverse * inverse
    series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square / 1260.0))
    return (x - 0.5) * log(x) - x + _HALF_LOG_2PI + series - below


def upper_bits(count: int, a: float, share: float) -> float:
    """Bits of a mid-p tail: ``-log2(P(X > count) + P(X = count) / 2)``.

    Parameters
    ----------
    count
        Observed, above the mean ``a share / (1 - share)``: there the tail is a falling series.
    a, share
        Shape of the negative binomial, and its probability of one more.

    Examples
    --------
    >>> from scipy.special import betainc
    >>> exact = (betainc(13, 3.0, 0.5) + betainc(12, 3.0, 0.5)) / 2
    >>> round(upper_bits(12, 3.0, 0.5) + log2(exact), 6)
    0.0
    """
    k = float(count)
    exactly = log_gamma(a + k) - log_gamma(a) - log_gamma(k + 1.0)
    exactly += a * log(1.0 - share) + k * log(share)
    term, total, ratio = 1.0, 0.5, 0.0
    for _ in range(_MAX_TERMS):
        ratio = (a + k) / (k + 1.0) * share
        term *= ratio
        total += term
        k += 1.0
        if term < _NEGLIGIBLE * total:
            break
    else:  # the rest is no more than a geometric series
        total += term * ratio / (1.0 - ratio)
    return -exactly / _LN2 - log2(total)
