"""How far two or more codings of the same things agree, beyond what chance would give.

Cohen's kappa (1960) compares two coders, each with a habit of its own; weights make a near miss count less
(Cohen 1968). Krippendorff's alpha pools all coders into one habit, takes any number of them, gaps, and
categories that are names, ranks or numbers. Both are 1 where all agree and 0 where agreement is that of
chance. Neither says that the codings are right.

References: Cohen (1960), Educational and Psychological Measurement 20, and (1968), Psychological Bulletin 70;
Fleiss, Cohen and Everitt (1969), Psychological Bulletin 72, for the standard error; Krippendorff (2011),
*Computing Krippendorff's Alpha-Reliability*, and (2019), *Content Analysis*, chapter 12; Zapf and others
(2016), BMC Medical Research Methodology 16, for the bootstrap over units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from statsmodels.stats.inter_rater import cohens_kappa

from musan.errors import MethodError, nearest
from musan.methods import arguments
from musan.methods.facts import facts, percent, span_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from musan.methods.arguments import Array

Weights = Literal["none", "linear", "quadratic"]
Measurement = Literal["nominal", "ordinal", "interval"]

UNITS = "The things coded are independent of each other."
BLIND = "Coders worked without sight of each other's codes."


@dataclass(frozen=True)
class Kappa:
    """Cohen's kappa of two coders.

    ``agreement`` is the share of pairs coded alike (with weights, the mean weight), ``expected_agreement``
    what two independent coders with these habits would reach. The interval is normal, cut at -1 and 1.
    ``table`` has the first coder in rows. ``dropped`` counts pairs with a missing code.
    """

    kappa: float
    standard_error: float
    low: float
    high: float
    level: float
    agreement: float
    expected_agreement: float
    weights: str
    n: int
    dropped: int
    table: pd.DataFrame
    assumptions: tuple[str, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """Return one row: ``weights``, ``n``, ``agreement``, ``kappa``, ``standard_error``, ``low``, ``high``."""
        columns = ["weights", "n", "agreement", "kappa", "standard_error", "low", "high"]
        return pd.DataFrame([[getattr(self, name) for name in columns]], columns=columns)

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        return facts(
            ("pairs of codes", self.n),
            ("agreement", percent(self.agreement)),
            ("agreement by chance", percent(self.expected_agreement)),
            ("kappa", f"{self.kappa:.3f}"),
            (f"{percent(self.level, 0)} interval", span_words(self.low, self.high, 3)),
            ("weights", self.weights),
        )


@dataclass(frozen=True)
class Alpha:
    """Krippendorff's alpha of two or more coders.

    ``n`` counts the units with at least two codes, ``codes`` their codes, ``dropped`` the other units. The
    interval is the bootstrap's over units (None without draws); ``undefined`` draws held one category only and
    are left out of it. ``coincidences`` holds how often each pair of values was given to one unit.
    """

    alpha: float
    low: float | None
    high: float | None
    level: float
    measurement: str
    observed_disagreement: float
    expected_disagreement: float
    n: int
    codes: int
    coders: int
    dropped: int
    draws: int
    undefined: int
    coincidences: pd.DataFrame
    assumptions: tuple[str, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """Return one row: ``measurement``, ``n``, ``codes``, ``alpha``, ``low``, ``high``."""
        columns = ["measurement", "n", "codes", "alpha", "low", "high"]
        return pd.DataFrame([[getattr(self, name) for name in columns]], columns=columns)

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        return facts(
            ("units with two codes or more", self.n),
            ("coders", self.coders),
            ("alpha", f"{self.alpha:.3f}"),
            (f"{percent(self.level, 0)} interval", span_words(self.low, self.high, 3)),
            ("measurement", self.measurement),
        )


@dataclass(frozen=True)
class Comparison:
    """Agreement of two codings, variable by variable.

    ``frame`` has one row a variable: ``variable``, ``n``, ``agreement_pct``, ``kappa``, ``kappa_low``,
    ``kappa_high``, ``alpha``, ``alpha_low``, ``alpha_high``. ``n`` is the number of rows compared.
    """

    frame: pd.DataFrame
    level: float
    n: int
    assumptions: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return the table with rounded numbers, to print in a notebook."""
        return self.frame.round({name: 1 if name.endswith("pct") else 2 for name in self.frame.columns[2:]})


# Cohen's kappa


def cohen_kappa(
    first: Any, second: Any, *, weights: Weights = "none", categories: Sequence[Any] | None = None, level: float = 0.95
) -> Kappa:
    """Return Cohen's kappa of two coders.

    Parameters
    ----------
    first, second : array, length n
        Codes of the same units in the same order; pairs with a missing code are dropped. Two Series must have
        the same index.
    weights : str
        ``none``; ``linear`` or ``quadratic``: agreement falls with the distance of two categories in their
        order, or with its square.
    categories : sequence, optional
        All categories, in order. By default those that occur, numbers by size. Weights need an order: give
        it unless codes are numbers or ordered categoricals.
    level : float
        Of the interval.

    Returns
    -------
    Kappa

    Raises
    ------
    MethodError
        Lengths or indexes differ, no pair is complete, a code is not among the categories, weights lack an
        order, or both coders used one and the same category throughout, so that kappa is not defined.
    """
    arguments.choice("weights", weights, get_args(Weights))
    arguments.same_length(first=first, second=second)
    if isinstance(first, pd.Series) and isinstance(second, pd.Series) and not first.index.equals(second.index):
        raise MethodError("its index is not that of the first", "second", "reindex it to match")
    columns = {0: _detached(first), 1: _detached(second)}
    codes, order = _coded("first", columns, categories, ordered=weights != "none")
    complete = (codes >= 0).all(axis=1)
    counts = np.zeros((len(order), len(order)))
    np.add.at(counts, tuple(codes[complete].T), 1)
    return _kappa(counts, order, weights, arguments.level(level), int((~complete).sum()))


def kappa_of_table(table: Any, *, weights: Weights = "none", level: float = 0.95) -> Kappa:
    """Return Cohen's kappa of a table of counts.

    Parameters
    ----------
    table : DataFrame or array, shape (k, k)
        Units by category of the first coder (rows) and the second (columns), in the same order.
    weights, level
        As in :func:`cohen_kappa`.

    Returns
    -------
    Kappa

    Raises
    ------
    MethodError
        The table is not square, its labels differ, a count is negative or no whole number, it is empty, or
        kappa is not defined.
    """
    arguments.choice("weights", weights, get_args(Weights))
    square = np.asarray(table)
    if square.ndim != 2 or square.shape[0] != square.shape[1] or len(square) < 2:
        raise MethodError(f"its shape is {square.shape}", "table", "give as many rows as columns, two or more")
    counts = arguments.vector("table", square.ravel(), low=0).reshape(square.shape)
    if (counts != np.round(counts)).any():
        raise MethodError("not all cells are whole", "table", "give counts, not shares")
    order = list(table.index) if isinstance(table, pd.DataFrame) else list(range(1, len(counts) + 1))
    if isinstance(table, pd.DataFrame) and list(table.columns) != order:
        raise MethodError("rows and columns have different labels", "table", "give them in the same order")
    return _kappa(counts, order, weights, arguments.level(level), 0)


def _kappa(counts: Array, order: list[Any], weights: str, level: float, dropped: int) -> Kappa:
    n = int(counts.sum())
    if n == 0:
        raise MethodError("no unit has both codes", "first", "give units that both coded")
    shares = counts / n
    expected = np.outer(shares.sum(axis=1), shares.sum(axis=0))
    if np.count_nonzero(expected) == 1:
        raise MethodError(
            "both coders use one category only", "first", "agreement by chance is certain: report it as is"
        )
    distance = np.abs(np.subtract.outer(np.arange(len(order)), np.arange(len(order)))) / max(len(order) - 1, 1)
    near = {"none": np.eye(len(order)), "linear": 1 - distance, "quadratic": 1 - distance**2}[weights]
    result = cohens_kappa(counts, weights=1 - near)
    error = float(np.sqrt(max(result.var_kappa, 0.0)))
    kappa, half = float(result.kappa), float(stats.norm.ppf((1 + level) / 2)) * error
    return Kappa(
        kappa=kappa,
        standard_error=error,
        low=max(kappa - half, -1.0),
        high=min(kappa + half, 1.0),
        level=level,
        agreement=float((near * shares).sum()),
        expected_agreement=float((near * expected).sum()),
        weights=weights,
        n=n,
        dropped=dropped,
        table=pd.DataFrame(counts.astype(int), index=order, columns=order),
        assumptions=(UNITS, BLIND, "Enough units for a normal interval (Fleiss, Cohen and Everitt 1969)."),
    )


# Krippendorff's alpha


def krippendorff_alpha(
    codes: Any,
    *,
    measurement: Measurement = "nominal",
    categories: Sequence[Any] | None = None,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Alpha:
    """Return Krippendorff's alpha, one less observed over expected disagreement.

    Parameters
    ----------
    codes : DataFrame or array, shape (units, coders)
        A row a unit and a column a coder, at least two; missing codes are allowed.
    measurement : str
        How far two codes differ. ``nominal``: all alike; ``ordinal``: by the square of the number of codes
        between them; ``interval``: by the square of their difference (numbers only).
    categories : sequence, optional
        All categories, in order. ``ordinal`` needs it unless codes are numbers or ordered categoricals.
    level : float
        Of the interval.
    draws : int
        Bootstrap draws of units, with replacement; 0 for no interval.
    seed : int
        Of the generator.

    Returns
    -------
    Alpha

    Raises
    ------
    MethodError
        Fewer than two coders, no unit with two codes, an order or numbers are lacking, or all codes are the
        same, so that alpha is not defined.
    """
    arguments.choice("measurement", measurement, get_args(Measurement))
    level, draws = arguments.level(level), arguments.whole("draws", draws)
    frame = pd.DataFrame(codes)
    if frame.shape[1] < 2:
        raise MethodError(f"{frame.shape[1]} coder", "codes", "give a column for each coder, at least two")
    columns = {place: _detached(frame.iloc[:, place]) for place in range(frame.shape[1])}
    coded, order = _coded("codes", columns, categories, ordered=measurement == "ordinal")
    scores = _scores(order) if measurement == "interval" else np.arange(float(len(order)))
    counts = np.stack([(coded == place).sum(axis=1) for place in range(len(order))], axis=1).astype(np.float64)
    counts = counts[counts.sum(axis=1) >= 2]
    if not len(counts):
        raise MethodError("no unit has two codes", "codes", "give units that at least two coders coded")
    if np.count_nonzero(counts.sum(axis=0)) == 1:
        raise MethodError("all codes are the same", "codes", "alpha is not defined: report the agreement as is")
    observed, expected = _disagreement(np.ones((1, len(counts))), counts, measurement, scores)
    drawn = _bootstrap(counts, measurement, scores, draws, seed)
    ends = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2]) if np.isfinite(drawn).any() else None
    return Alpha(
        alpha=float(1 - observed[0] / expected[0]),
        low=None if ends is None else float(ends[0]),
        high=None if ends is None else float(ends[1]),
        level=level,
        measurement=measurement,
        observed_disagreement=float(observed[0]),
        expected_disagreement=float(expected[0]),
        n=len(counts),
        codes=round(float(counts.sum())),
        coders=frame.shape[1],
        dropped=len(frame) - len(counts),
        draws=draws,
        undefined=int(np.isnan(drawn).sum()),
        coincidences=pd.DataFrame(_coincidences(counts), index=order, columns=order),
        assumptions=(UNITS, BLIND, "Coders are interchangeable: they share one habit."),
    )


def _coincidences(counts: Array) -> Array:
    """Return how often each ordered pair of values was given to one unit, over its number of codes less one."""
    per_code = counts / (counts.sum(axis=1, keepdims=True) - 1)
    total: Array = per_code.T @ counts - np.diag(per_code.sum(axis=0))
    return total


def _disagreement(times: Array, counts: Array, measurement: str, scores: Array) -> tuple[Array, Array]:
    """Return observed and expected disagreement when each unit counts so many times.

    ``times`` has the shape (draws, units) and ``counts``, codes by unit and value, (units, k). Sums over pairs
    of codes reduce to sums over codes: of (a - b)^2 over all m (m - 1) pairs of a unit, 2 (m sum a^2 - (sum a)^2).
    """
    size, used = counts.sum(axis=1), times @ counts
    n = used.sum(axis=1)
    if measurement == "nominal":
        unlike = (size**2 - (counts**2).sum(axis=1)) / (size - 1)
        return times @ unlike / n, (n**2 - (used**2).sum(axis=1)) / (n * (n - 1))
    if measurement == "ordinal":
        # Codes up to the middle of each value, so that the difference of two counts those between them.
        place = np.cumsum(used, axis=1) - used / 2 - n[:, None] / 2
    else:
        place = (scores - scores.mean())[None]
    first, second = place @ counts.T, place**2 @ counts.T
    observed = (times * 2 * (size * second - first**2) / (size - 1)).sum(axis=1) / n
    expected = 2 * (n * (used * place**2).sum(axis=1) - (used * place).sum(axis=1) ** 2) / (n * (n - 1))
    return observed, expected


def _bootstrap(counts: Array, measurement: str, scores: Array, draws: int, seed: int) -> Array:
    """Return alpha of units drawn with replacement, NaN where a draw holds one value only."""
    n = len(counts)
    times = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws).astype(np.float64)
    varied = (times @ counts > 0).sum(axis=1) > 1
    observed, expected = _disagreement(times[varied], counts, measurement, scores)
    drawn = np.full(draws, np.nan)
    drawn[varied] = 1 - observed / expected
    return drawn


def compare_codings(
    frame: pd.DataFrame,
    variables: Mapping[str, tuple[str, str]],
    *,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Return agreement, kappa and nominal alpha of two codings, one row a variable.

    Parameters
    ----------
    frame : DataFrame
        One row a unit.
    variables : mapping of str to pair of str
        Variable -> the columns with its first and its second coding.
    level, draws, seed
        As in :func:`krippendorff_alpha`.

    Returns
    -------
    Comparison

    Raises
    ------
    MethodError
        A column is unknown, no variable is given, or kappa is not defined for one.
    """
    if not variables:
        raise MethodError("is empty", "variables", "give at least one variable with its two columns")
    rows = []
    for variable, pair in variables.items():
        for column in pair:
            if column not in frame.columns:
                raise MethodError(f"there is no column {column!r}", "variables", nearest(column, frame.columns))
        kappa = cohen_kappa(frame[pair[0]], frame[pair[1]], level=level)
        alpha = krippendorff_alpha(frame[list(pair)], level=level, draws=draws, seed=seed)
        numbers = (kappa.kappa, kappa.low, kappa.high, alpha.alpha, alpha.low, alpha.high)
        rows.append((variable, kappa.n, 100 * kappa.agreement, *numbers))
    names = ["kappa", "kappa_low", "kappa_high", "alpha", "alpha_low", "alpha_high"]
    table = pd.DataFrame(rows, columns=["variable", "n", "agreement_pct", *names])
    return Comparison(table, level, len(frame), (UNITS, BLIND))


# Codes


def _detached(codes: Any) -> pd.Series[Any]:
    """Return codes as a Series with a plain index."""
    return codes.reset_index(drop=True) if isinstance(codes, pd.Series) else pd.Series(codes)


def _coded(
    name: str, columns: Mapping[int, pd.Series[Any]], categories: Sequence[Any] | None, *, ordered: bool
) -> tuple[npt.NDArray[np.int64], list[Any]]:
    """Return codes as places in the order of categories, -1 where missing, shape (units, coders)."""
    known = list(categories) if categories is not None else _order(name, columns, ordered=ordered)
    if len(set(known)) != len(known):
        raise MethodError("a category is given twice", "categories", "give each once")
    places = {category: place for place, category in enumerate(known)}
    used = {code for column in columns.values() for code in column.dropna()}
    if unknown := [code for code in used if code not in places]:
        raise MethodError(f"{unknown[0]!r} is coded and not among them", "categories", "add it")
    coded = [[places.get(code, -1) for code in column] for column in columns.values()]
    return np.asarray(coded, dtype=np.int64).T.reshape(-1, len(columns)), known


def _order(name: str, columns: Mapping[int, pd.Series[Any]], *, ordered: bool) -> list[Any]:
    """Return the categories that occur, in their order if they have one."""
    types = [column.dtype for column in columns.values()]
    if all(isinstance(kind, pd.CategoricalDtype) and kind.ordered and kind == types[0] for kind in types):
        return list(columns[0].cat.categories)
    used = list({code for column in columns.values() for code in column.dropna()})
    if not used:
        raise MethodError("all codes are missing", name, "give units with codes")
    if all(isinstance(code, int | float | np.number) for code in used):
        return sorted(used)
    if ordered:
        raise MethodError("codes are words without an order", "categories", "give the categories in order")
    return sorted(used, key=str)


def _scores(order: list[Any]) -> Array:
    if not all(isinstance(code, int | float | np.number) for code in order):
        raise MethodError("codes are not numbers", "codes", "use measurement='nominal' or 'ordinal'")
    return np.asarray(order, dtype=np.float64)
