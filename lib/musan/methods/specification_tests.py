"""Tests of many specifications at once: a permutation test of the whole curve, and adjusted p-values.

One specification out of many is significant by luck. Shuffling the data behind all of them at once says whether the
curve as a whole is more than noise (Simonsohn, Simmons and Nelson 2020, Nature Human Behaviour 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

from musan.errors import MethodError
from musan.methods import arguments, labelled
from musan.methods.facts import facts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from musan.methods.labelled import Array

Sign = Literal["positive", "negative", "either"]
Adjustment = Literal["holm", "benjamini-hochberg", "benjamini-yekutieli", "bonferroni"]
CONTROLS = {
    "holm": ("holm", "the chance of any false rejection, whatever the dependence (Holm 1979)"),
    "bonferroni": ("bonferroni", "the chance of any false rejection, whatever the dependence"),
    "benjamini-hochberg": (
        "fdr_bh",
        "the expected share of false rejections, for independent or positively dependent tests (1995)",
    ),
    "benjamini-yekutieli": ("fdr_by", "the expected share of false rejections, whatever the dependence (2001)"),
}


@dataclass(frozen=True)
class Linear:
    """A specification: the slope of an outcome on a regressor by least squares, with a robust p-value (HC1).

    ``covariates`` are columns added to the regression; ``where`` is a column of booleans that picks the rows.
    Called with the data, it returns the slope and its p-value.
    """

    outcome: str
    regressor: str
    covariates: tuple[str, ...] = ()
    where: str | None = None

    def __call__(self, data: pd.DataFrame) -> tuple[float, float]:
        """Return the slope and its two-sided p-value."""
        names = [self.outcome, self.regressor, *self.covariates]
        columns = np.column_stack([data[name].to_numpy(dtype=float) for name in names])
        if self.where is not None:
            columns = columns[data[self.where].to_numpy(dtype=bool)]
        both = columns[:, :2]
        basis = np.linalg.qr(np.column_stack([np.ones(len(both)), columns[:, 2:]]))[0]
        y, x = (both - basis @ (basis.T @ both)).T
        freedom = len(y) - basis.shape[1] - 1
        spread = float(x @ x)
        if freedom < 1 or spread <= 1e-12 * len(y):
            raise MethodError(f"{self.regressor} does not vary", "specifications", "drop a covariate or add rows")
        slope = float(x @ y) / spread
        error = float(np.sqrt(len(y) / freedom * ((x * (y - slope * x)) ** 2).sum())) / spread
        return slope, float(2 * stats.t.sf(abs(slope) / error, freedom)) if error > 0 else 0.0


@dataclass(frozen=True, eq=False)
class CurveTest:
    """Whether all specifications together show more than shuffled data do.

    Attributes
    ----------
    frame : DataFrame
        One row a statistic: ``statistic``, ``observed``, ``shuffled`` (median over draws), ``p_value``. They are the
        median estimate, the share of specifications that are significant on the expected side, and the sum of
        z-values over the root of their number (Stouffer).
    estimates : DataFrame
        One row a specification, sorted by estimate: ``specification``, ``estimate``, ``p_value``, and
        ``shuffled_low``, ``shuffled_high``: the central 95 % of the curve at that position in shuffled data.
    n, draws : int
    sign : str
    assumptions : tuple of str
    """

    frame: pd.DataFrame
    estimates: pd.DataFrame
    n: int
    draws: int
    sign: str
    assumptions: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return the tests, to print in a notebook."""
        return self.frame.round(4)


@dataclass(frozen=True, eq=False)
class Adjusted:
    """P-values adjusted for having made many tests.

    ``frame`` has one row a test, in the order given: ``test``, ``p_value``, ``adjusted``, ``rejected`` (at
    ``rate``). ``controls`` says in words what the method bounds.
    """

    frame: pd.DataFrame
    method: str
    controls: str
    rate: float
    n: int
    rejected: int
    assumptions: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        return facts(
            ("method", self.method),
            ("bounds", self.controls),
            (f"rejected at {self.rate:g}", f"{self.rejected} of {self.n}"),
            ("smallest adjusted p-value", float(self.frame["adjusted"].min())),
        )


def curve_test(
    data: pd.DataFrame,
    specifications: Mapping[str, Callable[[pd.DataFrame], tuple[float, float]]],
    *,
    shuffle: str | Sequence[str],
    within: str | None = None,
    sign: Sign = "either",
    rate: float = 0.05,
    draws: int = 500,
    seed: int,
) -> CurveTest:
    """Test a whole specification curve by shuffling the regressor under all specifications at once.

    Parameters
    ----------
    data : DataFrame
    specifications : mapping of str to callable
        Each takes the data and returns an estimate and its two-sided p-value: see :class:`Linear`.
    shuffle : str or sequence of str
        Columns that are shuffled among rows, together: the regressor in all its versions.
    within : str, optional
        Column of groups within which rows are shuffled.
    sign : str
        Expected sign of the effect.
    rate : float
        p-value at which a specification counts as significant.
    draws : int
        Shuffles, at least 100.
    seed : int

    Returns
    -------
    CurveTest

    Raises
    ------
    MethodError
        No specification, a missing column, or a specification that returns no finite numbers.
    """
    arguments.choice("sign", sign, get_args(Sign))
    arguments.number("rate", rate, 0.0, 0.5, above=True)
    arguments.whole("draws", draws, 100)
    if not specifications:
        raise MethodError("it is empty", "specifications", "give at least one")
    columns = [shuffle] if isinstance(shuffle, str) else list(shuffle)
    for name in [*columns, *([within] if within else [])]:
        arguments.choice("within" if name == within else "shuffle", name, map(str, data.columns))
    blocks = list(data.groupby(within, sort=False).indices.values()) if within else [np.arange(len(data))]
    generator = np.random.default_rng(seed)
    observed = _run(specifications, data)
    results = [observed]
    for _ in range(draws):
        order = np.arange(len(data))
        for block in blocks:
            order[block] = generator.permutation(block)
        moved = {name: data[name].to_numpy()[order] for name in columns}
        results.append(_run(specifications, data.assign(**moved)))
    stacked = np.array(results)
    return _curve_test(stacked, list(specifications), sign, rate)


def _run(specifications: Mapping[str, Callable[[pd.DataFrame], tuple[float, float]]], data: pd.DataFrame) -> Array:
    """Return estimates and p-values, shape (specifications, 2)."""
    results = np.array([specification(data) for specification in specifications.values()], dtype=float)
    bad = ~np.isfinite(results).all(axis=1) | (results[:, 1] < 0) | (results[:, 1] > 1)
    if bad.any():
        name = list(specifications)[int(np.argmax(bad))]
        raise MethodError(f"{name} returned no estimate and p-value", "specifications", "mend or drop it")
    return results


def _curve_test(results: Array, names: Sequence[str], sign: Sign, rate: float) -> CurveTest:
    """Return the tests from results of shape (1 + draws, specifications, 2), the observed ones first."""
    estimates, p_values = results[..., 0], results[..., 1]
    signed = np.sign(estimates) * stats.norm.isf(np.clip(p_values, 1e-300, 1) / 2)
    turn = -1.0 if sign == "negative" else 1.0
    clear = (p_values <= rate) & (estimates != 0)
    share_up = (clear & (estimates > 0)).mean(axis=1)
    share_down = (clear & (estimates < 0)).mean(axis=1)
    values = {
        "median estimate": np.median(estimates, axis=1),
        "share significant on the expected side": {
            "positive": share_up,
            "negative": share_down,
            "either": np.maximum(share_up, share_down),
        }[sign],
        "combined z": signed.sum(axis=1) / np.sqrt(estimates.shape[1]),
    }
    rows = []
    for name, value in values.items():
        far = value if name.startswith("share") else np.abs(value) if sign == "either" else turn * value
        p_value = float((far >= far[0] - 1e-12 * max(1.0, abs(far[0]))).mean())
        rows.append((name, float(value[0]), float(np.median(value[1:])), p_value))
    order = np.argsort(estimates[0], kind="stable")
    ends = np.quantile(np.sort(estimates[1:], axis=1), [0.025, 0.975], axis=0)
    table = pd.DataFrame(
        {
            "specification": [names[i] for i in order],
            "estimate": estimates[0][order],
            "p_value": p_values[0][order],
            "shuffled_low": ends[0],
            "shuffled_high": ends[1],
        }
    )
    return CurveTest(
        frame=pd.DataFrame(rows, columns=["statistic", "observed", "shuffled", "p_value"]),
        estimates=table,
        n=len(names),
        draws=len(results) - 1,
        sign=sign,
        assumptions=(
            "without an effect rows could have swapped the regressor (within groups, if given)",
            "covariates keep their place, so a regressor that depends on them is not exactly tested",
        ),
    )


def adjust(p_values: pd.Series, *, method: Adjustment = "holm", rate: float = 0.05) -> Adjusted:
    """Return p-values adjusted for the number of tests.

    Parameters
    ----------
    p_values : Series, by test
        Between zero and one.
    method : str
        ``holm``, ``benjamini-hochberg``, ``benjamini-yekutieli`` or ``bonferroni``.
    rate : float
        Error rate at which tests are rejected.

    Returns
    -------
    Adjusted

    Raises
    ------
    MethodError
        A missing p-value, or one outside zero to one.
    """
    arguments.choice("method", method, get_args(Adjustment))
    arguments.number("rate", rate, 0.0, 0.5, above=True)
    values = labelled.vector("p_values", p_values)
    if not len(values) or (values < 0).any() or (values > 1).any():
        raise MethodError("it is empty, or a p-value lies outside 0 to 1", "p_values", "give probabilities")
    name, controls = CONTROLS[method]
    rejected, adjusted, *_ = multipletests(values, alpha=rate, method=name)
    labels = p_values.index if isinstance(p_values, pd.Series) else pd.RangeIndex(1, len(values) + 1)
    frame = {"test": labels, "p_value": values, "adjusted": adjusted, "rejected": rejected}
    return Adjusted(
        frame=pd.DataFrame(frame),
        method=method,
        controls=controls,
        rate=rate,
        n=len(values),
        rejected=int(rejected.sum()),
        assumptions=("each p-value is valid by itself", "all tests that were made are listed"),
    )
