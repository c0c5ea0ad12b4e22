"""Coverage of the intervals and size of placebo ranks: python simulate.py [samples] prints the tables of README.md.

Errors are an autoregression with normal innovations; level, trend, and their changes in the middle of the sample are
estimated; there is no change unless a table says so. Every interval is at nominal 95 %.
"""

import sys
import zlib

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from musan.methods import interrupted
from musan.methods.long_run_variance import NEWEY_WEST, Hac

DRAWS = 299
SPECIFICATIONS = {
    "bootstrap (default)": {},
    "bootstrap, classical errors": {"covariance": "classical"},
    "bootstrap, order by bic": {"order": "bic"},
    "fixed-b": {"intervals": "fixed_b"},
    "Newey-West, 4 (n/100)^(2/9) lags, t": {"intervals": "t", "covariance": "rule of thumb"},
    "Newey-West 1994, prewhitened, t": {"intervals": "t", "covariance": NEWEY_WEST},
    "no correction, t": {"intervals": "t", "covariance": "classical"},
}
PLACEBOS = {
    "level": {"slope": False, "trend": False},
    "level, trend fixed": {"slope": False},
    "level, slope changes too": {},
    "joint": {"term": "joint"},
    "level, dates before only": {"slope": False, "trend": False, "window": "before"},
}


def errors(n, generator, coefficients):
    return lfilter([1.0], np.concatenate([[1.0], -np.array(coefficients)]), generator.standard_normal(n + 100))[100:]


def coverage(n, coefficients, samples):
    """Return the coverage of the change in level and slope and of the summed effect, and the median width."""
    generator = np.random.default_rng(zlib.crc32(f"{n} {coefficients}".encode()))
    lags = Hac("bartlett", int(4 * (n / 100) ** (2 / 9)) + 1, prewhiten=False)
    hits = {name: [] for name in SPECIFICATIONS}
    for seed in range(samples):
        y = errors(n, generator, coefficients)
        for name, specification in SPECIFICATIONS.items():
            choices = {key: lags if value == "rule of thumb" else value for key, value in specification.items()}
            result = interrupted.fit(y, n // 2, replications=DRAWS, seed=seed, **choices)
            changes, total = result.coefficients.iloc[2:4], result.total.iloc[0]
            inside = (changes["low"] <= 0) & (changes["high"] >= 0)
            width = float(changes["high"].iloc[0] - changes["low"].iloc[0])
            hits[name].append([*inside, total["effect_low"] <= 0 <= total["effect_high"], width])
    columns = ["level", "slope", "summed effect", "median width"]
    rows = {name: [*np.mean(hit, axis=0)[:3], np.median(hit, axis=0)[3]] for name, hit in hits.items()}
    return pd.DataFrame(rows, index=columns).T


def counts(n, rho, mean, samples):
    """Return the coverage of a ratio of counts whose logarithm of the mean has autocorrelated noise, 0.2 wide."""
    generator = np.random.default_rng(zlib.crc32(f"counts {n} {rho} {mean}".encode()))
    hits = []
    for seed in range(samples):
        noise = 0.2 * np.sqrt(1 - rho**2) * errors(n, generator, [rho])
        level = np.where(np.arange(n) < n // 2, mean, 0.6 * mean)
        y = generator.poisson(level * np.exp(noise))
        result = interrupted.fit(y, n // 2, family="poisson", replications=DRAWS, seed=seed)
        row = result.coefficients.iloc[2]
        hits.append(row["ratio_low"] <= 0.6 <= row["ratio_high"])
    return np.mean(hits)


def placebos(n, rho, shift, samples):
    """Return how often the placebo p-value of a date in the middle is at most 10 %."""
    generator = np.random.default_rng(zlib.crc32(f"placebo {n} {rho} {shift}".encode()))
    hits = {name: [] for name in PLACEBOS}
    for _ in range(samples):
        y = np.sqrt(1 - rho**2) * errors(n, generator, [rho])
        y[n // 2 :] -= shift
        for name, choices in PLACEBOS.items():
            hits[name].append(interrupted.placebo(y, n // 2, **choices).p_value <= 0.1)
    return pd.DataFrame(hits).mean()


def show(title, rows):
    table = pd.DataFrame.from_dict({case: dict(row) for case, row in rows.items()}, orient="index")
    print(f"\n{title}\n{table.to_string(float_format='%.3f')}", flush=True)


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 800
    for size in (24, 60):
        for process in ([0.0], [0.3], [0.5], [0.7], [0.3, 0.3]):
            table = coverage(size, process, count)
            print(f"\ncoverage, n = {size}, errors {process}\n{table.to_string(float_format='%.3f')}", flush=True)
    cases = [(n, rho) for n in (24, 60) for rho in (0.0, 0.5)]
    show("coverage of a ratio", {c: {f"mean {m}": counts(*c, m, count) for m in (4, 30)} for c in cases})
    cases = [(n, rho, shift) for n in (24, 60) for rho in (0.0, 0.3, 0.5) for shift in (0, 2)]
    show("placebo p-value of at most 10 %", {c: placebos(*c, count) for c in cases})
