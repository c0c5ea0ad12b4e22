"""Places with an outcome, shares of goods and what happened to the goods, less what covariates explain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from musan.errors import MethodError
from musan.methods import labelled

if TYPE_CHECKING:
    from musan.methods.labelled import Array


@dataclass(frozen=True, eq=False)
class Places:
    """Outcome and exposure of places, both less what the covariates explain."""

    outcome: Array
    exposure: Array
    shares: Array
    shocks: Array
    weights: Array
    basis: Array  # orthonormal, of the weighted covariates

    @classmethod
    def of(
        cls,
        outcome: pd.Series,
        shares: pd.DataFrame,
        shocks: pd.Series,
        covariates: pd.DataFrame | None,
        weights: pd.Series | None,
        control_share_sum: bool,
    ) -> Places:
        """Check the arguments and take out the covariates."""
        matrix, hit = shares_and_shocks(shares, shocks)
        raw = by_place("outcome", outcome, shares.index)
        labelled.not_constant("outcome", raw)
        weight = np.ones(len(raw)) if weights is None else by_place("weights", weights, shares.index)
        if (weight <= 0).any():
            raise MethodError("a weight is zero or negative", "weights", "leave that place out")
        columns = [np.ones(len(raw))]
        if covariates is not None:
            columns += list(by_place("covariates", covariates, shares.index).T)
        if control_share_sum:
            columns.append(matrix.sum(axis=1))
        basis = _orthonormal(np.column_stack(columns) * np.sqrt(weight)[:, None])
        if len(raw) - basis.shape[1] < 2:
            what = f"{len(raw)} places are too few for {basis.shape[1]} covariates"
            raise MethodError(what, "covariates", "drop some, or add places")
        bare = cls(raw, matrix @ hit, matrix, hit, weight, basis)
        exposure = bare.residual(bare.exposure)
        if (exposure**2).sum() <= 1e-18 * max(1.0, float((bare.exposure**2).sum())):
            raise MethodError("the covariates explain all of the exposure", "shocks", "drop a covariate")
        return cls(bare.residual(raw), exposure, matrix, hit, weight, basis)

    def residual(self, figures: Array) -> Array:
        """Return figures less their weighted projection on the covariates."""
        root = np.sqrt(self.weights).reshape(-1, *[1] * (figures.ndim - 1))
        scaled = figures * root
        rest: Array = (scaled - self.basis @ (self.basis.T @ scaled)) / root
        return rest

    @property
    def spread(self) -> float:
        """Return the weighted sum of squares of the exposure."""
        return float(self.weights @ self.exposure**2)

    @property
    def slope(self) -> float:
        """Return the least squares slope."""
        return float(self.weights @ (self.exposure * self.outcome)) / self.spread

    @property
    def errors(self) -> Array:
        """Return the residuals of the regression."""
        rest: Array = self.outcome - self.slope * self.exposure
        return rest

    @property
    def mean_shares(self) -> Array:
        """Return weighted mean shares that sum to one."""
        total = self.weights @ self.shares
        mean: Array = total / total.sum()
        return mean

    @property
    def freedom(self) -> int:
        """Return the degrees of freedom left."""
        return len(self.outcome) - int(self.basis.shape[1]) - 1

    def equal_variance_error(self) -> float:
        """Return the textbook standard error."""
        return float(np.sqrt(self.weights @ self.errors**2 / self.freedom / self.spread))

    def robust_error(self) -> float:
        """Return the heteroskedasticity-robust standard error (HC1)."""
        score = self.weights * self.errors * self.exposure
        return float(np.sqrt(len(score) / self.freedom * (score**2).sum())) / self.spread

    def by_good(self, figures: Array) -> Array:
        """Return the weighted sum of figures over places for each good's shares."""
        sums: Array = (self.weights * figures) @ self.shares
        return sums


def shares_and_shocks(shares: pd.DataFrame, shocks: pd.Series) -> tuple[Array, Array]:
    """Return shares, places by goods, and shocks in the order of their columns; refuse what are no shares."""
    matrix = labelled.matrix("shares", shares)
    if not shares.index.is_unique or not shares.columns.is_unique:
        raise MethodError("a place or a good comes twice", "shares", "keep one row a place and one column a good")
    if (matrix < 0).any():
        place, good = np.argwhere(matrix < 0)[0]
        what = f"the share of {shares.columns[good]} in {shares.index[place]} is negative"
        raise MethodError(what, "shares", "correct it: shares lie between zero and one")
    sums = matrix.sum(axis=1)
    if (sums > 1 + 1e-6).any():
        place = shares.index[int(np.argmax(sums))]
        what = f"those of {place} sum to {sums.max():.4g}"
        raise MethodError(what, "shares", "divide by the place's total: they sum to at most one")
    if (matrix.sum(axis=0) == 0).any():
        good = shares.columns[int(np.argmin(matrix.sum(axis=0)))]
        raise MethodError(f"no place makes {good}", "shares", "leave the good out")
    if not isinstance(shocks, pd.Series) or set(shocks.index) != set(shares.columns) or not shocks.index.is_unique:
        raise MethodError("its goods are not the columns of shares", "shocks", "give a Series by good, each once")
    return matrix, labelled.vector("shocks", shocks.reindex(shares.columns))


def by_place(name: str, given: pd.Series | pd.DataFrame, places: pd.Index) -> Array:
    """Return figures in the order of the places."""
    if not isinstance(given, pd.Series | pd.DataFrame) or not given.index.is_unique:
        raise MethodError("it is not labelled by place", name, "give a Series or DataFrame with one row a place")
    if set(given.index) != set(places):
        odd = sorted(map(str, set(given.index) ^ set(places)))[0]
        raise MethodError(f"it and shares don't have the same places: {odd}", name, "reindex it to match")
    return labelled.numbers(name, given.reindex(places))


def _orthonormal(columns: Array) -> Array:
    """Return an orthonormal basis of the columns; what is spanned twice counts once."""
    left, values, _ = np.linalg.svd(columns / np.linalg.norm(columns, axis=0).clip(1e-300), full_matrices=False)
    basis: Array = left[:, values > 1e-10 * values[0]]
    return basis
