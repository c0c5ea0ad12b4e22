"""Alphas of random codes with gaps, by krippendorff 0.9.0: ``pip install krippendorff==0.9.0``, ``python alpha.py``."""

import krippendorff
import numpy as np
import pandas as pd

rng = np.random.default_rng(20180820)
sets = {"two": (40, 2, 4, 0.1), "four": (25, 4, 5, 0.3), "many": (60, 3, 9, 0.5)}
units, alphas = [], []
for name, (size, coders, values, blank) in sets.items():
    truth = rng.integers(1, values + 1, size)
    codes = np.clip(truth[:, None] + rng.integers(-1, 2, (size, coders)), 1, values).astype(float)
    codes[rng.random((size, coders)) < blank] = np.nan
    for unit, row in enumerate(codes):
        units += [(name, unit, coder, int(code)) for coder, code in enumerate(row) if not np.isnan(code)]
    for measurement in ("nominal", "ordinal", "interval"):
        alpha = krippendorff.alpha(reliability_data=codes.T, level_of_measurement=measurement)
        alphas.append((name, measurement, float(alpha)))
pd.DataFrame(units, columns=["set", "unit", "coder", "code"]).to_csv("alpha_codes.csv", index=False)
pd.DataFrame(alphas, columns=["set", "measurement", "alpha"]).to_csv("alpha.csv", index=False)
