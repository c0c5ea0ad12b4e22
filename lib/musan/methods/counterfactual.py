"""What would have come without the measure: forecasts from the time before it, and comparisons with others.

This module forecasts a series from its own past with a structural time series model (Harvey 1989; Brodersen and
others 2015, Annals of Applied Statistics 9) or a seasonal ARIMA model, and sets what came against the forecast.
:mod:`musan.methods.synthetic_control` and :mod:`musan.methods.synthetic_difference` compare with a mix of units
without the measure, :mod:`musan.methods.difference` banned with unbanned goods; all can be reached from here.

``last_before`` is always the last period before the measure. Only periods up to it are fitted. Nothing here can
tell the measure from something else that happened at the same time: that is what placebo dates, other goods and
regressors are for.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
from statsmodels.stats.diagnostic import acorr_ljungbox

from musan.errors import MethodError
from musan.methods import arguments, labelled, state_space
from musan.methods.difference import BannedAgainstUnbanned, banned_against_unbanned
from musan.methods.facts import facts
from musan.methods.state_space import Sarimax, Structural
from musan.methods.synthetic_control import PlaceboUnits, SyntheticControl, placebo_units, synthetic_control
from musan.methods.synthetic_difference import SyntheticDifference, synthetic_difference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musan.methods.labelled import Array

__all__ = [
    "BannedAgainstUnbanned",
    "Effect",
    "PlaceboDates",
    "PlaceboUnits",
    "Sarimax",
    "Structural",
    "SyntheticControl",
    "SyntheticDifference",
    "banned_against_unbanned",
    "forecast",
    "placebo_dates",
    "placebo_units",
    "synthetic_control",
    "synthetic_difference",
]

Model = Structural | Sarimax
Scale = Literal["level", "log"]
Direction = Literal["fall", "rise", "either"]

ASSUMPTIONS = (
    "without the measure the series would have gone on as before, given the regressors",
    "nothing else that moves the series began in the same periods, and the measure did not move the regressors",
    "the measure had no effect before it: nobody acted on its announcement",
)


@dataclass(frozen=True, eq=False)
class Effect:
    """What came, against a forecast from the time before; amounts in the unit of the outcome.

    Attributes
    ----------
    frame : DataFrame
        One row a period: ``period``, ``role`` (``before`` or ``after``), ``observed``, ``expected`` (one step ahead
        before the measure, the forecast after it), ``expected_low``, ``expected_high``, ``effect`` (observed less
        expected), ``effect_low``, ``effect_high`` and the running ``cumulative``, ``cumulative_low``,
        ``cumulative_high``. Intervals are given after the measure only.
    mean, mean_low, mean_high : float
        Effect a period.
    total, total_low, total_high : float
        Effect summed over the periods after the measure.
    relative_pct : float
        Total effect in percent of the total expected, as is its interval. None where the forecast total may
        not be positive.
    relative_low_pct, relative_high_pct : float or None
    p_value : float
        Two-sided: twice the share of simulated totals as far out as the one observed.
    level : float
        Of the intervals, which are pointwise.
    parameters : DataFrame
        ``parameter``, ``value``: in the unit of the outcome (of its logarithm on the log scale).
    residual_p : float or None
        Ljung-Box p-value of the one-step errors, lags up to a fifth of n and ten; small if the model misses something.
    n, periods_after : int
        Periods fitted and forecast.
    effective_draws : float
        Effective number of the draws of the parameters; below some 50 the intervals are rough.
    model : str
    scale : str
    assumptions : tuple of str
    """

    frame: pd.DataFrame
    mean: float
    mean_low: float
    mean_high: float
    total: float
    total_low: float
    total_high: float
    relative_pct: float | None
    relative_low_pct: float | None
    relative_high_pct: float | None
    p_value: float
    level: float
    parameters: pd.DataFrame
    residual_p: float | None
    n: int
    periods_after: int
    effective_draws: float
    model: str
    scale: str
    assumptions: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        percent = f"{100 * self.level:g} %"
        relative: object = None
        if self.relative_pct is not None:
            relative = f"{self.relative_pct:.1f} % ({self.relative_low_pct:.1f} to {self.relative_high_pct:.1f})"
        return facts(
            ("model", f"{self.model}, {self.scale} scale"),
            ("periods fitted", self.n),
            ("periods after", self.periods_after),
            (f"effect a period ({percent} interval)", _with_ends(self.mean, self.mean_low, self.mean_high)),
            (f"total effect ({percent} interval)", _with_ends(self.total, self.total_low, self.total_high)),
            (f"total effect, share of what was expected ({percent} interval)", relative),
            ("p-value of the total", self.p_value),
            ("p-value of left-over autocorrelation", self.residual_p),
        )


@dataclass(frozen=True, eq=False)
class PlaceboDates:
    """The effect at the true date among effects at dates at which nothing happened.

    Attributes
    ----------
    frame : DataFrame
        One row a date: ``last_before``, ``true_date``, ``n`` (periods fitted), ``mean`` (effect a period),
        ``relative_pct``, ``extremeness`` (what is ranked), ``rank`` (1 is the most extreme; missing if not fitted),
        ``status`` (``fitted``, or why not).
    rank : int
        Of the true date: one more than the placebos at least as extreme.
    placebos : int
        Placebo dates that could be fitted.
    failed : int
        Placebo dates at which the model could not be fitted. They are left out of the rank.
    p_value : float
        Rank over placebos plus one.
    n : int
        Periods before the measure.
    effective_n : int
        Windows of ``horizon`` periods that do not overlap: neighbouring placebos share most of their data.
    horizon : int
    direction : str
    assumptions : tuple of str
    """

    frame: pd.DataFrame
    rank: int
    placebos: int
    failed: int
    p_value: float
    n: int
    effective_n: int
    horizon: int
    direction: str
    assumptions: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        true = self.frame[self.frame["true_date"]].iloc[0]
        return facts(
            ("true date (last period before)", true["last_before"]),
            (f"effect over {self.horizon} periods, share of what was expected", f"{true['relative_pct']:.1f} %"),
            (f"rank among {self.placebos + 1} dates, 1 = largest {self.direction}", self.rank),
            ("smallest p-value that so many dates allow", 1 / (self.placebos + 1)),
            ("p-value", self.p_value),
            ("placebo windows that do not overlap", self.effective_n),
            ("dates at which the model failed", self.failed),
        )


def forecast(
    outcome: pd.Series,
    *,
    last_before: Any,
    model: Model | None = None,
    regressors: pd.DataFrame | None = None,
    scale: Scale = "level",
    level: float = 0.95,
    draws: int = 4000,
    seed: int,
) -> Effect:
    """Return the gap between a series and its forecast from the time before a measure.

    The model is fitted by maximum likelihood on the periods up to ``last_before``. Intervals are quantiles of
    simulated paths; each path has its own parameters, drawn in proportion to the likelihood (a flat prior on
    standard deviations), since with a few dozen months the parameters are as uncertain as the future.

    Parameters
    ----------
    outcome : Series, length T
        Indexed by period: sorted, no gaps, no missing figures.
    last_before : label
        Last period before the measure.
    model : Structural or Sarimax, optional
        A local level by default.
    regressors : DataFrame, T rows, optional
        Known in all periods and not moved by the measure, such as world prices.
    scale : str
        ``level``, or ``log``: effects are then multiplicative, the forecast can't be negative and its centre is
        the median. Periods before the measure must be positive; later ones may be zero.
    level : float
        Of the intervals.
    draws : int
        Simulated paths, at least 200.
    seed : int

    Returns
    -------
    Effect

    Raises
    ------
    MethodError
        Periods are unsorted, doubled or missing; the date lies outside; the series is too short, constant, or (on
        the log scale) not positive; regressors are collinear; or the likelihood has no clear maximum.
    """
    model = model or Structural()
    arguments.level(level)
    arguments.whole("draws", draws, 200)
    data = _Data.of(outcome, last_before, model, regressors, scale)
    fitted = data.fit(model)
    mean = data.unscale(fitted.mean)
    paths, effective = fitted.simulate(draws, np.random.default_rng(seed))
    return _effect(data, fitted, mean, data.unscale(paths), effective, level)


def placebo_dates(
    outcome: pd.Series,
    *,
    last_before: Any,
    horizon: int,
    model: Model | None = None,
    regressors: pd.DataFrame | None = None,
    scale: Scale = "level",
    shortest: int | None = None,
    dates: Sequence[Any] | None = None,
    direction: Direction = "fall",
) -> PlaceboDates:
    """Return the rank of the effect at the true date among effects at placebo dates before it.

    Each date is treated alike: fit up to it, forecast ``horizon`` periods, compare. Placebo windows end before the
    measure.

    Parameters
    ----------
    outcome, last_before, model, regressors, scale
        As in :func:`forecast`.
    horizon : int
        Periods compared after each date.
    shortest : int, optional
        Fewest periods to fit; by default what the model needs, at least 12.
    dates : sequence of labels, optional
        Placebo dates; all possible ones by default.
    direction : str
        ``fall``, ``rise`` or ``either``: what counts as extreme. Effects are compared in percent of the forecast.

    Returns
    -------
    PlaceboDates

    Raises
    ------
    MethodError
        As in :func:`forecast` at the true date, or no placebo date is left. A model that can't be fitted at a
        placebo date is reported in its row instead.
    """
    model = model or Structural()
    arguments.choice("direction", direction, get_args(Direction))
    arguments.whole("horizon", horizon, 1)
    truth = _Data.of(outcome, last_before, model, regressors, scale, after=horizon)
    least = max(12, truth.needed) if shortest is None else shortest
    arguments.whole("shortest", least, truth.needed)
    wanted = list(outcome.index[least - 1 : truth.n - horizon] if dates is None else dates)
    if outside := [date for date in wanted if date not in outcome.index[least - 1 : truth.n - horizon]]:
        what = f"{outside[0]} leaves fewer than {least} periods before it or {horizon} after it"
        raise MethodError(what, "dates", "give dates between, or a smaller shortest or horizon")
    if not wanted:
        what = f"{truth.n} periods before the measure leave no placebo date"
        raise MethodError(what, "horizon", f"{least + horizon} are needed: give a smaller horizon or shortest")
    rows = [_placebo(outcome, date, model, regressors, scale, horizon) for date in wanted]
    frame = pd.DataFrame([*rows, truth.placebo_row(model, horizon, true_date=True)])
    return _ranked(frame, truth.n, least, horizon, direction)


def _placebo(
    outcome: pd.Series, date: Any, model: Model, regressors: pd.DataFrame | None, scale: Scale, horizon: int
) -> dict[str, object]:
    """Return the effect at a placebo date, or why there is none."""
    try:
        data = _Data.of(outcome, date, model, regressors, scale, after=horizon)
        return data.placebo_row(model, horizon, true_date=False)
    except MethodError as error:
        gaps = {"mean": np.nan, "relative_pct": np.nan}
        return {"last_before": date, "true_date": False, "n": 0, **gaps, "status": f"failed: {error.what}"}


def _ranked(frame: pd.DataFrame, n: int, least: int, horizon: int, direction: Direction) -> PlaceboDates:
    signs = {"fall": -1, "rise": 1}
    effect = frame["relative_pct"]
    frame["extremeness"] = effect.abs() if direction == "either" else signs[direction] * effect
    frame["rank"] = frame["extremeness"].rank(ascending=False, method="max").astype("Int64")
    if frame.loc[frame["true_date"], "rank"].isna().any():
        what = "the forecast at the true date is not positive, so its effect has no percent"
        raise MethodError(what, "scale", "use scale='log', or another model")
    rank = int(frame.loc[frame["true_date"], "rank"].iloc[0])
    placebos = int(frame["rank"].notna().sum()) - 1
    order = ["last_before", "true_date", "n", "mean", "relative_pct", "extremeness", "rank", "status"]
    return PlaceboDates(
        frame=frame[order].reset_index(drop=True),
        rank=rank,
        placebos=placebos,
        failed=len(frame) - 1 - placebos,
        p_value=rank / (placebos + 1),
        n=n,
        effective_n=(n - least) // horizon,
        horizon=horizon,
        direction=direction,
        assumptions=(
            "nothing of the kind happened at the placebo dates",
            "errors of forecasts from shorter samples are like those of the true one, or larger",
            "placebo windows overlap: they are not independent, and the rank is no exact p-value",
        ),
    )


@dataclass(frozen=True, eq=False)
class _Data:
    """A series cut at a date and put on the scale of the model, with mean zero and variance one before it."""

    outcome: pd.Series
    n: int
    needed: int
    regressors: pd.DataFrame | None
    scale: Scale
    centre: float
    spread: float
    date: Any

    @classmethod
    def of(
        cls,
        outcome: pd.Series,
        date: Any,
        model: Model,
        regressors: pd.DataFrame | None,
        scale: Scale,
        after: int = 1,
    ) -> _Data:
        """Check the arguments and cut the series."""
        arguments.choice("scale", scale, get_args(Scale))
        figures = labelled.vector("outcome", outcome)
        labelled.periods("outcome", outcome.index)
        if regressors is not None:
            labelled.matrix("regressors", regressors, len(outcome))
            if not regressors.index.equals(outcome.index):
                raise MethodError("its index is not that of the outcome", "regressors", "reindex it to match")
        needed = model.parameters + (0 if regressors is None else regressors.shape[1]) + 5
        n = labelled.last_before(date, outcome.index, before=needed, after=after)
        if scale == "log" and (figures[:n] <= 0).any():
            period = outcome.index[int(np.argmax(figures[:n] <= 0))]
            raise MethodError(f"it is not positive in {period}", "outcome", "use scale='level', or start later")
        before = np.log(figures[:n]) if scale == "log" else figures[:n]
        labelled.not_constant("outcome", before)
        _refuse_collinear(regressors, n)
        return cls(outcome, n, needed, regressors, scale, float(before.mean()), float(before.std()), date)

    def fit(self, model: Model) -> state_space.Fitted:
        """Fit the model to the periods before the measure."""
        before = self.outcome.to_numpy(dtype=float)[: self.n]
        before = np.log(before) if self.scale == "log" else before
        regressors = None if self.regressors is None else self.regressors.to_numpy(dtype=float)
        standard = (before - self.centre) / self.spread
        return state_space.fit(model, standard, regressors, len(self.outcome) - self.n)

    def unscale(self, figures: Array) -> Array:
        """Return figures of the model in the unit of the outcome."""
        raw = self.centre + self.spread * figures
        return np.exp(raw) if self.scale == "log" else raw

    def placebo_row(self, model: Model, horizon: int, *, true_date: bool) -> dict[str, object]:
        """Return the effect over the horizon as a row."""
        expected = self.unscale(self.fit(model).mean[:horizon]).sum()
        total = float(self.outcome.iloc[self.n : self.n + horizon].sum() - expected)
        relative = 100 * total / expected if expected > 0 else np.nan
        status = "fitted" if expected > 0 else "failed: the forecast is not positive"
        row = {"last_before": self.date, "true_date": true_date, "n": self.n}
        return {**row, "mean": total / horizon, "relative_pct": relative, "status": status}

    def parameters(self, fitted: state_space.Fitted) -> pd.DataFrame:
        """Return the parameters in the unit of the outcome, or of its logarithm."""
        rows = []
        for name, value in fitted.parameters.items():
            times = self.spread**2 if name.startswith("variance") else self.spread if name in ("mean", "drift") else 1.0
            rows.append((name, value * times + (self.centre if name == "mean" else 0.0)))
        columns = [] if self.regressors is None else list(self.regressors.columns)
        for column, value in zip(columns, fitted.slopes, strict=True):
            rows.append((f"slope of {column}", float(value) * self.spread))
        return pd.DataFrame(rows, columns=["parameter", "value"])


def _refuse_collinear(regressors: pd.DataFrame | None, n: int) -> None:
    if regressors is None:
        return
    before = regressors.to_numpy(dtype=float)[:n]
    centred = before - before.mean(axis=0)
    if np.linalg.matrix_rank(centred / np.where(centred.std(axis=0) > 0, centred.std(axis=0), 1)) < before.shape[1]:
        what = "up to last_before they are constant or add up to one another"
        raise MethodError(what, "regressors", "leave one out")


def _effect(
    data: _Data, fitted: state_space.Fitted, mean: Array, paths: Array, effective: float, level: float
) -> Effect:
    """Set what came against simulated paths, shape (draws, periods after)."""
    observed = data.outcome.to_numpy(dtype=float)[data.n :]
    ends = [(1 - level) / 2, (1 + level) / 2]
    totals = paths.sum(axis=1)
    total, expected = float((observed - mean).sum()), float(mean.sum())
    low, high = (float(observed.sum() - end) for end in np.quantile(totals, ends[::-1]))
    relative: tuple[float | None, ...] = (None, None, None)
    if expected > 0 and np.quantile(totals, ends[0]) > 0:
        ratios = [100 * (observed.sum() / end - 1) for end in np.quantile(totals, ends[::-1])]
        relative = (100 * total / expected, *(sorted(map(float, ratios))))
    tail = min((totals <= observed.sum()).sum(), (totals >= observed.sum()).sum())
    h = len(observed)
    return Effect(
        frame=_effect_frame(data, fitted, mean, paths, ends),
        mean=total / h,
        mean_low=low / h,
        mean_high=high / h,
        total=total,
        total_low=low,
        total_high=high,
        relative_pct=relative[0],
        relative_low_pct=relative[1],
        relative_high_pct=relative[2],
        p_value=float(min(1.0, 2 * (tail + 1) / (len(totals) + 1))),
        level=level,
        parameters=data.parameters(fitted),
        residual_p=_left_over(fitted.residuals),
        n=data.n,
        periods_after=h,
        effective_draws=effective,
        model=fitted.words,
        scale=data.scale,
        assumptions=(*ASSUMPTIONS, *_notes(data, relative[0] is None)),
    )


def _effect_frame(
    data: _Data, fitted: state_space.Fitted, mean: Array, paths: Array, ends: list[float]
) -> pd.DataFrame:
    observed = data.outcome.to_numpy(dtype=float)
    gap = np.full(data.n, np.nan)
    after = observed[data.n :]

    def both(before: Array, then: Array) -> Array:
        return np.concatenate([before, then])

    expected_low, expected_high = np.quantile(paths, ends, axis=0)
    sums_low, sums_high = np.quantile(np.cumsum(paths, axis=1), ends, axis=0)
    expected = both(data.unscale(fitted.one_step), mean)
    return pd.DataFrame(
        {
            "period": data.outcome.index,
            "role": np.where(np.arange(len(observed)) < data.n, "before", "after"),
            "observed": observed,
            "expected": expected,
            "expected_low": both(gap, expected_low),
            "expected_high": both(gap, expected_high),
            "effect": observed - expected,
            "effect_low": both(gap, after - expected_high),
            "effect_high": both(gap, after - expected_low),
            "cumulative": both(gap, np.cumsum(after - mean)),
            "cumulative_low": both(gap, np.cumsum(after) - sums_high),
            "cumulative_high": both(gap, np.cumsum(after) - sums_low),
        }
    )


def _left_over(residuals: Array) -> float | None:
    """Return the p-value of autocorrelation in the one-step errors."""
    lags = min(10, len(residuals) // 5)
    if lags < 1:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all errors may be zero
        p_value = float(acorr_ljungbox(residuals, lags=[lags])["lb_pvalue"].iloc[0])
    return p_value if np.isfinite(p_value) else None


def _notes(data: _Data, no_percent: bool) -> list[str]:
    notes = []
    if data.scale == "log":
        notes.append("effects are multiplicative; the forecast is the median, and its sum the sum of medians")
    if no_percent:
        notes.append("the forecast total may be zero or negative, so there is no percentage: use scale='log'")
    return notes


def _with_ends(middle: float, low: float, high: float) -> str:
    return f"{middle:,.4g} ({low:,.4g} to {high:,.4g})"
