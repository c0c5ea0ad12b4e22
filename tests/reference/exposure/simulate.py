"""Simulated size and coverage of the intervals in `exposure`: `python simulate.py [repetitions]` prints a table.

Not a test: it takes minutes. Its results are in README.md.
"""

import sys

import numpy as np
import pandas as pd

from musan.methods.exposure import permute_shocks, rank_intervals, severity_gradient, shift_share


def shift_share_coverage(shocks, places=60, repetitions=500):
    """Share of 95 % intervals that hold the true slope when errors have a shift-share structure too."""
    goods = [f"g{i}" for i in range(shocks)]
    hits = dict.fromkeys(["robust", "akm", "akm0", "permuted"], 0)
    effective = 0.0
    for seed in range(repetitions):
        draw = np.random.default_rng(seed)
        shares = pd.DataFrame(draw.dirichlet(np.full(shocks, 10 / shocks), places), columns=goods)
        moved = pd.Series(draw.normal(size=shocks), goods)
        noise = shares @ draw.normal(size=shocks) + 0.2 * draw.normal(size=places)
        result = shift_share(noise, shares, moved)
        effective += result.effective_shocks / repetitions
        for method in ("robust", "akm", "akm0"):
            row = result.row(method)
            inside = row["low"] <= 0 <= row["high"]
            hits[method] += {"interval": inside, "whole line": True}.get(row["shape"], not row["low"] < 0 < row["high"])
        if shocks <= 20:
            permuted = permute_shocks(noise, shares, moved, permutations=720, seed=seed)
            hits["permuted"] += permuted.low <= 0 <= permuted.high
    shares_inside = {method: count / repetitions for method, count in hits.items()}
    if shocks > 20:
        shares_inside["permuted"] = float("nan")
    return {"goods": shocks, "effective": round(effective, 1)} | shares_inside


def gradient_size(places, reports, repetitions=500):
    """Share of true nulls rejected at 5 %, and of slopes of the detectable size found."""
    counts = dict.fromkeys(["permutation", "wild", "ordered", "power"], 0)
    for seed in range(repetitions):
        draw = np.random.default_rng(seed)
        exposure = pd.Series(draw.gamma(0.7, size=places))
        place = pd.Series(np.concatenate([np.arange(places), draw.integers(0, places, reports - places)]))
        level = (draw.normal(size=places) * 0.5)[place] + draw.normal(size=reports)
        graded = pd.Series(np.digitize(level, [-0.7, 0.7]) - 1.0)
        result = severity_gradient(graded, exposure, place, permutations=500, seed=seed)
        counts["permutation"] += result.p_value <= 0.05
        counts["wild"] += result.wild_p <= 0.05
        counts["ordered"] += result.ordered_p <= 0.05
        # The same reports without rounding, with a slope of the size that should be found.
        slope = result.detectable
        steps = (graded + slope * exposure.loc[place].to_numpy()) * 1000
        found = severity_gradient(steps.round(), exposure, place, permutations=500, seed=seed)
        counts["power"] += found.p_value <= 0.05
    return {"places": places, "reports": reports} | {k: v / repetitions for k, v in counts.items()}


def rank_coverage(places, spread, repetitions=500):
    """Share of 95 % sets that hold the true ranks, all at once and for the third place alone."""
    together = alone = 0
    truth = np.linspace(0, spread, places)
    ranks = np.arange(places, 0, -1)
    for seed in range(repetitions):
        draw = np.random.default_rng(seed)
        errors = pd.Series(draw.uniform(0.3, 0.8, places))
        estimates = pd.Series(truth + errors * draw.normal(size=places))
        frame = rank_intervals(estimates, standard_errors=errors, draws=1000, seed=seed).frame.sort_values("place")
        together += ((frame["simultaneous_low"] <= ranks) & (ranks <= frame["simultaneous_high"])).all()
        alone += frame["low"].iloc[2] <= ranks[2] <= frame["high"].iloc[2]
    return {"places": places, "spread": spread, "simultaneous": together / repetitions, "marginal": alone / repetitions}


if __name__ == "__main__":
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    print(
        pd.DataFrame([shift_share_coverage(s, repetitions=times) for s in (5, 10, 20, 50)]).to_string(index=False),
        flush=True,
    )
    cases = [(5, 0.01), (5, 3), (20, 0.01), (20, 3)]
    print(pd.DataFrame([rank_coverage(p, s, repetitions=times) for p, s in cases]).to_string(index=False), flush=True)
    sizes = [(6, 40), (12, 60), (40, 200)]
    print(pd.DataFrame([gradient_size(p, r, repetitions=times) for p, r in sizes]).to_string(index=False))
