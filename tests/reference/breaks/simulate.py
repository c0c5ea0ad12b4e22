"""Size and power of the break tests: python simulate.py [samples] in this folder prints the tables of README.md.

Errors are a first-order autoregression with normal innovations and unit variance; a break is a shift of the mean by
some standard deviations after 60 % of the sample. Every test is at nominal 5 %.
"""

import sys
import zlib

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from musan.methods import breaks
from musan.methods.long_run_variance import NEWEY_WEST

DRAWS = 199


def errors(n, rho, generator, second=0.0):
    shocks = generator.standard_normal(n + 100)
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


def sup_f(y, kw):
    return {"sup-F": breaks.unknown_break(y, **kw).p_value}


def sup_f_hac(y, kw):
    return {"sup-F HAC": breaks.unknown_break(y, covariance="hac", **kw).p_value}


def rates(n, rho, shift, samples, tests, second=0.0):
    """Return how often each test rejects."""
    generator = np.random.default_rng(zlib.crc32(f"{n} {rho} {shift} {second}".encode()))
    hits = []
    for seed in range(samples):
        y = errors(n, rho, generator, second)
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
        result = breaks.multiple_breaks(y, replications=199, seed=seed)
        found.append(result.breaks)
        udmax.append(result.maxima["p_bootstrap"]["UDmax"] <= 0.05)
    row = {"UDmax rejects": np.mean(udmax)}
    return row | {f"{m} found": np.mean(np.array(found) == m) for m in range(4)}


def show(title, rows):
    print(f"\n{title}\n{pd.DataFrame(rows).to_string(float_format='%.3f')}", flush=True)


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    show("size", {(n, rho): rates(n, rho, 0, count, everything) for n in (24, 60) for rho in (0.0, 0.3, 0.5, 0.7)})
    cases = [(n, rho, shift) for n in (24, 60) for rho in (0.0, 0.3, 0.5) for shift in (1, 2, 3)]
    show("power", {c: rates(*c, count // 2, some) for c in cases})
    show("errors of order two", {n: rates(n, 0.3, 0, count // 2, sup_f, 0.3) for n in (24, 60, 120)})
    cases = [(60, rho, shift) for rho in (0.0, 0.5) for shift in (0, 2, 4)]
    show("several", {c: several(*c, count // 4) for c in cases})
    cases = [(n, rho, shift) for n in (24, 60) for rho in (0.0, 0.5) for shift in (0, 2)]
    show("HAC with bootstrap", {c: rates(*c, count // 4, sup_f_hac) for c in cases})
