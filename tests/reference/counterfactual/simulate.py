"""Simulated coverage and size of `counterfactual`: `python simulate.py [repetitions]` prints a table.

Not a test: it takes minutes. Its results are in README.md.
"""

import sys

import numpy as np
import pandas as pd

from musan.methods.counterfactual import (
    Sarimax,
    Structural,
    banned_against_unbanned,
    forecast,
    placebo_dates,
    placebo_units,
    synthetic_difference,
)

BEFORE, AFTER = 38, 12


def walk(draw, variance):
    return np.sqrt(variance) * np.cumsum(draw.normal(size=BEFORE + AFTER))


def autoregression(draw, rho):
    values = np.zeros(BEFORE + AFTER + 50)
    for i in range(1, len(values)):
        values[i] = rho * values[i - 1] + draw.normal()
    return values[50:]


# What the series is, and what is fitted to it.
CASES = {
    "noise, local level": (lambda d: d.normal(size=50), Structural()),
    "level q=0.1, local level": (lambda d: d.normal(size=50) + walk(d, 0.1), Structural()),
    "level q=1, local level": (lambda d: d.normal(size=50) + walk(d, 1.0), Structural()),
    "random walk, local level": (lambda d: walk(d, 1.0), Structural()),
    "AR 0.5, local level": (lambda d: autoregression(d, 0.5), Structural()),
    "AR 0.5, ARIMA (1, 0, 0)": (lambda d: autoregression(d, 0.5), Sarimax((1, 0, 0))),
    "trend, local linear trend": (
        lambda d: d.normal(size=50) + np.cumsum(walk(d, 0.01)),
        Structural("local linear trend"),
    ),
}


def coverage(case, repetitions):
    make, model = CASES[case]
    total = point = rejected = failed = 0
    for seed in range(repetitions):
        outcome = pd.Series(make(np.random.default_rng(seed)))
        try:
            result = forecast(outcome, last_before=BEFORE - 1, model=model, draws=1000, seed=seed)
        except ValueError:
            failed += 1
            continue
        after = result.frame[result.frame["role"] == "after"]
        total += result.total_low <= 0 <= result.total_high
        rejected += result.p_value <= 0.05
        point += ((after["effect_low"] <= 0) & (after["effect_high"] >= 0)).mean()
    done = repetitions - failed
    shares = {"total": total / done, "pointwise": point / done, "p <= 0.05": rejected / done}
    return {"series, model": case} | shares | {"failed": failed}


def sizes(repetitions):
    """Share of true nulls rejected at 10 % (20 % of units for placebo units, whose p-value moves in tenths)."""
    counts = dict.fromkeys(["placebo dates", "placebo units", "synthetic difference", "banned goods"], 0)
    for seed in range(repetitions):
        draw = np.random.default_rng(seed)
        outcome = pd.Series(20 + draw.normal(size=44))
        counts["placebo dates"] += (
            placebo_dates(outcome, last_before=37, horizon=6, model=Structural("constant")).p_value <= 0.1
        )
        panel = pd.DataFrame(np.cumsum(draw.normal(size=(20, 10)), axis=0), columns=list("abcdefghij"))
        counts["placebo units"] += placebo_units(panel, treated="a", last_before=12).p_value <= 0.1
        common = np.cumsum(draw.normal(size=(20, 1)), axis=0) * draw.uniform(0.5, 1.5, 20)
        wide = pd.DataFrame(common + draw.normal(size=(20, 20)), columns=[f"u{i}" for i in range(20)])
        result = synthetic_difference(wide, treated=["u0", "u1"], last_before=12, seed=seed)
        counts["synthetic difference"] += result.p_value <= 0.1
        goods = pd.DataFrame(draw.lognormal(3, 1, (2, 9)), columns=list("abcdefghi"))
        tested = banned_against_unbanned(goods, banned=list("abcdef"), last_before=0, measure="proportion", seed=seed)
        counts["banned goods"] += tested.p_value <= 0.1
    return pd.DataFrame([{"test": name, "rejected at 10 %": n / repetitions} for name, n in counts.items()])


if __name__ == "__main__":
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    print(pd.DataFrame([coverage(case, times) for case in CASES]).round(3).to_string(index=False), flush=True)
    print(sizes(times).to_string(index=False))
