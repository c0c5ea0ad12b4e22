"""Size and power of the break tests: python simulate.py [samples] in this folder prints the tables of README.md.

Errors are a first-order autoregression with normal innovations and unit variance, unless a table says otherwise; a
break is a shift of the mean by some standard deviations after 60 % of the sample. Every test is at nominal 5 %.
"""

import sys
import zlib

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from musan.methods import breaks
from musan.methods.long_run_variance import NEWEY_WEST

DRAWS = 199


def errors(n, rho, generator, second=0.0, growth=1.0):
    """Return autoregressive errors whose standard deviation grows by a factor in the middle."""
    shocks = generator.standard_normal(n + 100)
    shocks[100 + n // 2 :] *= growth
    series = lfilter([1.0], [1.0, -rho, -second], shocks)[100:]
    return series * np.sqrt(1 - rho**2) if not second else series


def everything(y, kw):
    """Return the p-value of each test."""
    n, table = len(y), {"replications": 0}
    time, season = np.arange(n), np.eye(12)[np.arange(n) % 12][:, 1:]
    one = breaks.unknown_break(y, **kw)
    found = {f"{name}-F": p for name, p in one.tests["p_bootstrap"].items()}
    found["sup-F, trend changes too"] = breaks.unknown_break(y, time, **kw).p_value
    found["sup-F, trend fixed"] = breaks.unknown_break(y, fixed=time, **kw).p_value
    if n >= 60:
        found["sup-F, season fixed"] = breaks.unknown_break(y, fixed=season, **kw).p_value
    found["Chow, middle"] = breaks.chow(y, n // 2, **kw).p_value
    found["OLS-CUSUM"] = breaks.cusum(y, **kw).p_value
    found["recursive CUSUM"] = breaks.cusum(y, residuals="recursive", **kw).p_value
    found["OLS-MOSUM"] = breaks.mosum(y, **kw).p_value
    found["sup-F, table"] = one.tests["p_asymptotic"]["sup"]
    found["sup-F HAC (Andrews), table"] = breaks.unknown_break(y, covariance="hac", **table).p_value
    found["sup-F HAC (Newey-West), table"] = breaks.unknown_break(y, covariance=NEWEY_WEST, **table).p_value
    return found


def some(y, kw):
    """Return the p-value of the tests whose power is of interest."""
    one = breaks.unknown_break(y, **kw)
    found = {f"{name}-F": p for name, p in one.tests["p_bootstrap"].items()}
    return found | {
        "Chow, at the date": breaks.chow(y, int(0.6 * len(y)), **kw).p_value,
        "OLS-CUSUM": breaks.cusum(y, **kw).p_value,
    }


def with_hac(y, kw):
    return {"sup-F HAC": breaks.unknown_break(y, covariance="hac", **kw).p_value}


def by_order(y, kw):
    return {f"order {order}": breaks.unknown_break(y, order=order, **kw).p_value for order in ("bic", "aic", 1, 2, 3)}


def by_innovations(y, kw):
    return {kind: breaks.unknown_break(y, innovations=kind, **kw).p_value for kind in ("wild", "resampled", "normal")}


def rates(n, rho, shift, samples, tests, **process):
    """Return how often each test rejects."""
    generator = np.random.default_rng(zlib.crc32(f"{n} {rho} {shift} {process}".encode()))
    hits = []
    for seed in range(samples):
        y = errors(n, rho, generator, **process)
        y[int(0.6 * n) :] -= shift
        hits.append({name: p <= 0.05 for name, p in tests(y, {"replications": DRAWS, "seed": seed}).items()})
    return pd.DataFrame(hits).mean()


def several(n, rho, shift, samples):
    """Return how many breaks the sequential tests find when there are none, or two."""
    generator = np.random.default_rng(zlib.crc32(f"several {n} {rho} {shift}".encode()))
    found, udmax = [], []
    for seed in range(samples):
        y = errors(n, rho, generator)
        y[n // 3 : 2 * n // 3] += shift
        result = breaks.multiple_breaks(y, replications=DRAWS, seed=seed)
        found.append(result.breaks)
        udmax.append(result.maxima["p_bootstrap"]["UDmax"] <= 0.05)
    row = {"UDmax rejects": np.mean(udmax)}
    return (
        row | {f"{m} found": np.mean(np.array(found) == m) for m in range(3)} | {"more": np.mean(np.array(found) > 2)}
    )


def dates(n, rho, shift, samples):
    """Return how often the 95 % interval holds the date, and its median length."""
    generator = np.random.default_rng(zlib.crc32(f"dates {n} {rho} {shift}".encode()))
    true, row, hits = int(0.6 * n), {}, {"classical": [], "hac": []}
    for _ in range(samples):
        y = errors(n, rho, generator)
        y[true:] -= shift
        for covariance, hit in hits.items():
            result = breaks.unknown_break(y, covariance=covariance, replications=0)
            hit.append((result.low <= true <= result.high, result.high - result.low + 1))
    for covariance, hit in hits.items():
        row |= {covariance: np.mean([inside for inside, _ in hit])}
        row |= {f"{covariance}, length": np.median([length for _, length in hit])}
    return row


def show(title, rows):
    table = pd.DataFrame.from_dict({case: dict(row) for case, row in rows.items()}, orient="index")
    print(f"\n{title}\n{table.to_string(float_format='%.3f')}", flush=True)


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    show("size", {(n, rho): rates(n, rho, 0, count, everything) for n in (24, 60) for rho in (0.0, 0.3, 0.5, 0.7)})
    cases = [(n, rho, shift) for n in (24, 60) for rho in (0.0, 0.3, 0.5) for shift in (1, 2, 3)]
    show("power", {c: rates(*c, count // 2, some) for c in cases})
    show(
        "size of sup-F, errors of order two (0.3, 0.3)",
        {n: rates(n, 0.3, 0, count // 2, by_order, second=0.3) for n in (24, 60, 120)},
    )
    cases = [(n, rho) for n in (24, 60) for rho in (0.0, 0.5)]
    show("size, errors three times as large from the middle on",
         {c: rates(*c, 0, count, by_innovations, growth=3.0) for c in cases})  # fmt: skip
    cases = [(n, rho, shift) for n in (24, 60) for rho in (0.0, 0.3, 0.5) for shift in (0, 2, 4)]
    show("several", {c: several(*c, count // 4 if c[2] else count // 2) for c in cases})
    cases = [(n, rho, shift) for n in (24, 60) for rho in (0.0, 0.5) for shift in (0, 2)]
    show("HAC with bootstrap", {c: rates(*c, count // 4, with_hac) for c in cases})
    cases = [(n, rho, shift) for n in (24, 60, 120) for rho in (0.0, 0.5) for shift in (1, 2, 3)]
    show("coverage of the date", {c: dates(*c, count // 2) for c in cases})
