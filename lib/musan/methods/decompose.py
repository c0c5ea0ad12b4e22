"""Index numbers, and how much of a change in value is price and how much is volume.

Every formula takes prices and quantities of items in two periods, 0 and 1. A price may be missing (NaN)
where nothing was traded. A formula that needs it is then refused, and the error names those that don't.
Logarithmic formulas (LMDI, Montgomery, Sato-Vartia) take their analytic limits where a value is zero
(Ang and Liu 2007; Wood and Lenzen 2006), never a small number in its place: the error that a small d
leaves dies out only as 1 / log(1 / d).

References: Balk (2008), *Price and Quantity Index Numbers*; Diewert (1976), Journal of Econometrics 4,
and (2005), International Productivity Monitor; the ILO/IMF manuals on consumer, producer, export and
import prices, chapters 15-20; Sato (1976) and Vartia (1976) for the log-change indices; Bennet (1920) and
Montgomery (1937) for the additive indicators; Ang (2005), Energy Policy 33, and (2015), Energy Policy 86.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from musan.errors import MethodError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Array = npt.NDArray[np.float64]
Data = tuple[Array, Array, Array, Array]  # price 0, price 1, quantity 0, quantity 1
Formula = Literal["laspeyres", "paasche", "fisher", "tornqvist", "sato_vartia", "montgomery_vartia"]
Method = Literal["lmdi", "montgomery", "bennet", "laspeyres", "paasche"]
Form = Literal["additive", "multiplicative"]

GRADE = "Each item is one good: a change in its grade or make-up counts as price."
LIMIT = "Where a value is zero the analytic limit is taken: all of it is the effect of what became or was zero."
WEIGHTS = {
    "lmdi": "Log-mean weights (LMDI-I, Ang 2005): symmetric in time, no residual.",
    "montgomery": "Log-mean weights (Montgomery 1937), the same as LMDI-I with two factors.",
    "bennet": "Weights are means of the two periods (Bennet 1920): symmetric in time, no residual.",
    "laspeyres": "Price change at the quantities of period 0, quantity change at the prices of period 1.",
    "paasche": "Price change at the quantities of period 1, quantity change at the prices of period 0.",
}


def _facts(*rows: tuple[str, object]) -> pd.DataFrame:
    def words(value: object) -> str:
        if isinstance(value, float):
            return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"
        return str(value)

    return pd.DataFrame([(name, words(value)) for name, value in rows], columns=["fact", "value"])


@dataclass(frozen=True, eq=False)
class UnitValues:
    """Unit values: ``frame`` is the input with the new columns ``column`` and ``status``.

    ``status`` is ``computed`` (``n`` rows), ``no value``, ``no quantity`` or ``zero quantity`` (``marked``).
    """

    frame: pd.DataFrame
    column: str
    unit: str
    n: int
    marked: int
    assumptions: tuple[str, ...]

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        ends = self.frame[self.column].agg(["min", "max"])
        counts = ("unit", self.unit), ("computed", self.n), ("marked", self.marked)
        return _facts(*counts, ("lowest", float(ends["min"])), ("highest", float(ends["max"])))


@dataclass(frozen=True, eq=False)
class IndexNumber:
    """An index that is one in its first period; ``n`` is the number of items.

    ``frame`` has one row a period: ``period``, ``index``, ``link`` (the comparison of two periods behind
    it) and ``items`` (how many that compares).
    """

    of: str
    formula: str
    chained: bool
    frame: pd.DataFrame
    n: int
    assumptions: tuple[str, ...]

    @property
    def value(self) -> float:
        """Return the index in the last period."""
        return float(self.frame["index"].iloc[-1])

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        first, last = self.frame["period"].iloc[[0, -1]]
        kind = f"{self.formula}, {'chained' if self.chained else 'fixed base'}"
        last_value = f"{last} ({first} = 1)", self.value
        return _facts(("index of", self.of), ("formula", kind), ("items", self.n), last_value)


@dataclass(frozen=True, eq=False)
class Decomposition:
    """A change in value, split into effects.

    ``form`` is ``additive`` (``change`` is a difference in ``unit``, to which effects sum) or
    ``multiplicative`` (a ratio, to which they multiply). ``frame`` has one row an item: ``value_0``,
    ``value_1`` and its additive part of each effect. ``zeros`` of the ``n`` items lack value in a period.
    """

    method: str
    form: str
    unit: str
    change: float
    effects: dict[str, float]
    frame: pd.DataFrame
    n: int
    zeros: int
    assumptions: tuple[str, ...]

    @property
    def shares(self) -> dict[str, float | None]:
        """Return each effect's share of the change (of its logarithm, if a ratio); None without a change."""
        parts = pd.Series({**self.effects, "": self.change})
        logs = np.log(parts) if self.form == "multiplicative" else parts
        return {name: float(logs[name] / logs[""]) if logs[""] else None for name in self.effects}

    def summary(self) -> pd.DataFrame:
        """Return the change and its parts, to print in a notebook."""
        parts = [(f"{name} effect", effect, self.shares[name]) for name, effect in self.effects.items()]
        whole = f"change, {self.unit}" if self.form == "additive" else "ratio of values"
        return pd.DataFrame([*parts, (whole, self.change, 1.0)], columns=["part", "value", "share"])


@dataclass(frozen=True)
class PriceVolume:
    """One product's change in value between two periods, split into price and volume.

    ``price_share`` is the price effect over the change, None if there is no change. ``price_ratio`` and
    ``volume_ratio`` are period 1 over period 0, None if that is not defined. ``price_source`` is ``unit
    value`` or the name of a benchmark. ``n`` is the number of products.
    """

    change: float
    price_effect: float
    volume_effect: float
    price_share: float | None
    price_ratio: float | None
    volume_ratio: float | None
    method: str
    price_source: str
    unit: str
    periods: tuple[str, str]
    n: int
    assumptions: tuple[str, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """Return the parts and the whole: ``part``, ``effect``, ``share``."""
        effects = [self.price_effect, self.volume_effect, self.change]
        shares = [effect / self.change if self.change else None for effect in effects]
        return pd.DataFrame({"part": ["price", "volume", "change"], "effect": effects, "share": shares})

    def summary(self) -> pd.DataFrame:
        """Return one row a fact, to print in a notebook."""
        share = "undefined: no change" if self.price_share is None else f"{100 * self.price_share:.1f} %"
        return _facts(
            ("periods", " to ".join(self.periods)),
            (f"change, {self.unit}", self.change),
            (f"price effect, {self.unit}", self.price_effect),
            (f"volume effect, {self.unit}", self.volume_effect),
            ("share of price in the change", share),
            ("price", self.price_source),
            ("method", self.method),
        )


# Arguments


def _choice(name: str, given: str, known: Sequence[str]) -> None:
    if given not in known:
        raise MethodError(f"{given!r} is not a choice here", name, nearest(given, known))


def _numbers(name: str, given: npt.ArrayLike) -> Array:
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise MethodError("not all of it is numbers", name, "give numbers, NaN for what is missing") from error


def _words(label: object) -> str:
    """Return an item, or a pair of period and item, in words."""
    return ", ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def _refuse_bad(name: str, figures: Array, labels: pd.Index, *, gaps: bool = False) -> None:
    """Refuse infinite and negative figures, and missing ones unless gaps are allowed."""
    for wrong, what, remedy in (
        (np.isnan(figures) & (not gaps), "is missing", "give it, or leave the item out and say so"),
        (np.isinf(figures), "is infinite", "give a finite figure"),
        (figures < 0, "is negative", "correct it: prices, quantities and values are not negative"),
    ):
        if wrong.any():
            raise MethodError(f"the figure at {_words(labels[int(np.argmax(wrong))])} {what}", name, remedy)


def _vectors(gaps: tuple[str, ...] = (), **arguments: npt.ArrayLike) -> tuple[list[Array], pd.Index]:
    """Return the arguments as equally long vectors, and the items' labels (from Series, which must agree)."""
    vectors = {name: np.atleast_1d(_numbers(name, given)) for name, given in arguments.items()}
    shape = next(iter(vectors.values())).shape
    for name, vector in vectors.items():
        if vector.ndim != 1 or not vector.size or vector.shape != shape:
            what = f"its shape is {vector.shape}, that of the first argument {shape}"
            raise MethodError(what, name, "give one figure an item, for the same items, at least one")
    indexes = {name: given.index for name, given in arguments.items() if isinstance(given, pd.Series)}
    labels = next(iter(indexes.values()), pd.RangeIndex(shape[0]))
    for name, index in indexes.items():
        if not index.equals(labels):
            raise MethodError("its index is not that of the Series before it", name, "reindex it to match")
    for name, vector in vectors.items():
        _refuse_bad(name, vector, labels, gaps=name in gaps)
    return list(vectors.values()), labels


def _prices_and_quantities(**arguments: npt.ArrayLike) -> tuple[Data, pd.Index]:
    """Return prices and quantities as vectors; a price may be missing only where nothing was traded."""
    (p_0, p_1, q_0, q_1), items = _vectors(("price_0", "price_1"), **arguments)
    for name, price, quantity in (("price_0", p_0, q_0), ("price_1", p_1, q_1)):
        unpriced = np.isnan(price) & (quantity > 0)
        if unpriced.any():
            what = f"item {_words(items[int(np.argmax(unpriced))])} has a quantity and no price"
            raise MethodError(what, name, "give its price, or leave the item out and say so")
    return (p_0, p_1, q_0, q_1), items


def _column(frame: pd.DataFrame, argument: str, name: str) -> pd.Series:
    if frame.empty:
        raise MethodError("it has no rows", "frame", "check the filter that made it")
    if name not in frame.columns:
        raise MethodError(f"there is no column {name!r}", argument, nearest(name, map(str, frame.columns)))
    return frame[name]


# Logarithmic means and their limits


def _log_ratio(x_0: Array, x_1: Array) -> Array:
    """Return ln(x_1 / x_0), precise where the two are close."""
    with np.errstate(all="ignore"):
        growth = (x_1 - x_0) / x_0
        return np.where(np.abs(growth) < 0.5, np.log1p(growth), np.log(x_1) - np.log(x_0))


def _log_mean(a: Array, b: Array) -> Array:
    """Return (a - b) / (ln a - ln b): ``a`` where both are equal, zero where one is zero."""
    ratio = _log_ratio(a, b)
    with np.errstate(all="ignore"):
        # The difference of close numbers has few correct digits: use the hyperbolic form there.
        near = np.sqrt(a) * np.sqrt(b) * np.sinh(ratio / 2) / (ratio / 2)
        mean = np.where(np.abs(ratio) < 1, near, (b - a) / ratio)
    return np.asarray(np.where(a == b, a, np.where((a == 0) | (b == 0), 0.0, mean)))


def _log_mean_effects(values: tuple[Array, Array], factors: tuple[Array, Array]) -> Array:
    """Return L(value_0, value_1) ln(factor_1 / factor_0) and its limits, shape (items, factors).

    As one factor of an item goes to zero, its effect goes to the whole value and all others to zero,
    whatever they are, so a missing price does no harm. If two go to zero at once the limit depends on
    which is faster: NaN.
    """
    traded = (values[0] > 0) & (values[1] > 0)
    with np.errstate(invalid="ignore"):
        effects = np.where(traded[:, None], _log_mean(*values)[:, None] * _log_ratio(*factors), 0.0)
    for now, other, sign in ((1, 0, -1.0), (0, 1, 1.0)):
        gone = (values[now] == 0) & (values[other] > 0)
        limit = np.where(factors[now] == 0, sign * values[other][:, None], 0.0)
        limit[(factors[now] == 0).sum(axis=1) != 1] = np.nan
        effects = np.where(gone[:, None], limit, effects)
    return effects


def _total_weight(values: tuple[Array, Array]) -> float:
    """Return the log mean of the two totals."""
    return float(_log_mean(values[0].sum(keepdims=True), values[1].sum(keepdims=True))[0])


def _times(a: Array, b: Array) -> Array:
    """Return the product, zero where a factor is zero: the unknown price of nothing does not matter."""
    return np.where((a == 0) | (b == 0), 0.0, a * b)


# Index numbers: x is what the index is of and w its weights, price and quantity or the other way round.
# A formula that is not defined returns NaN.


def _over(numerator: float, denominator: float) -> float:
    return float(numerator / denominator) if denominator > 0 else np.nan


def _laspeyres(x_0: Array, x_1: Array, w_0: Array, _w_1: Array) -> float:
    return _over(_times(x_1, w_0).sum(), _times(x_0, w_0).sum())


def _paasche(x_0: Array, x_1: Array, _w_0: Array, w_1: Array) -> float:
    return _over(_times(x_1, w_1).sum(), _times(x_0, w_1).sum())


def _fisher(*data: Array) -> float:
    return float(np.sqrt(_laspeyres(*data)) * np.sqrt(_paasche(*data)))


def _shares(x: Array, w: Array) -> Array:
    value = _times(x, w)
    share: Array = value / value.sum()
    return share


def _tornqvist(x_0: Array, x_1: Array, w_0: Array, w_1: Array) -> float:
    share = (_shares(x_0, w_0) + _shares(x_1, w_1)) / 2
    change = np.where((x_0 > 0) & (x_1 > 0), _log_ratio(x_0, x_1), np.nan)
    return float(np.exp(_times(share, change).sum()))


def _sato_vartia(x_0: Array, x_1: Array, w_0: Array, w_1: Array) -> float:
    shares = _shares(x_0, w_0), _shares(x_1, w_1)
    if np.isnan(shares).any():
        return np.nan
    effects = _log_mean_effects(shares, (np.column_stack([x_0, w_0]), np.column_stack([x_1, w_1])))
    return float(np.exp(_over(effects[:, 0].sum(), _log_mean(*shares).sum())))


def _montgomery_vartia(x_0: Array, x_1: Array, w_0: Array, w_1: Array) -> float:
    values = _times(x_0, w_0), _times(x_1, w_1)
    effects = _log_mean_effects(values, (np.column_stack([x_0, w_0]), np.column_stack([x_1, w_1])))
    return float(np.exp(_over(effects[:, 0].sum(), _total_weight(values))))


FORMULAS: dict[str, Callable[[Array, Array, Array, Array], float]] = {
    "laspeyres": _laspeyres,
    "paasche": _paasche,
    "fisher": _fisher,
    "tornqvist": _tornqvist,
    "sato_vartia": _sato_vartia,
    "montgomery_vartia": _montgomery_vartia,
}


def _compare(data: Data, items: pd.Index, formula: str, of: str) -> float:
    """Return a comparison of two periods, or say why it is not defined and which formulas are."""
    p_0, p_1, q_0, q_1 = data
    x = data if of == "price" else (q_0, q_1, p_0, p_1)
    with np.errstate(all="ignore"):
        index = FORMULAS[formula](*x)
        if np.isfinite(index):
            return index
        defined = [name for name, function in FORMULAS.items() if np.isfinite(function(*x))]
    odd = items[~((p_0 > 0) & (p_1 > 0) & (q_0 > 0) & (q_1 > 0))]
    what = f"the {formula} {of} index is not defined: price or quantity is zero or missing in a period"
    what += f" for item {', '.join(map(str, odd[:5]))}{', ...' if len(odd) > 5 else ''}"
    remedy = f"defined here: {', '.join(defined) or 'none'}; or give the price, or compare matched items"
    raise MethodError(what, "formula", remedy)


def bilateral_index(
    price_0: npt.ArrayLike,
    price_1: npt.ArrayLike,
    quantity_0: npt.ArrayLike,
    quantity_1: npt.ArrayLike,
    *,
    formula: Formula = "fisher",
    of: Literal["price", "quantity"] = "price",
) -> IndexNumber:
    """Return the price or quantity index of period 1 with period 0 as one.

    Laspeyres and Paasche weight by one period; Fisher, Törnqvist (superlative, Diewert 1976), Sato-Vartia
    and Montgomery-Vartia by both. Price times quantity index is the ratio of values for all of the latter
    but Törnqvist, and for Laspeyres with Paasche. All but Montgomery-Vartia double when all prices do.

    If an item vanishes, Laspeyres prices need its price in period 1; if one appears, Paasche prices need
    its price in period 0; Fisher and Törnqvist prices need both; Sato-Vartia and Montgomery-Vartia
    neither. Törnqvist quantities are not defined then.

    Parameters
    ----------
    price_0, price_1 : array_like, shape (n,)
        Prices in any unit, the same in both periods. NaN is allowed where the quantity is zero.
    quantity_0, quantity_1 : array_like, shape (n,)
        Quantities, zero where nothing was traded. Series must have the same index.
    formula : str
        ``laspeyres``, ``paasche``, ``fisher``, ``tornqvist``, ``sato_vartia`` or ``montgomery_vartia``.
    of : str
        ``price`` or ``quantity``.

    Returns
    -------
    IndexNumber

    Raises
    ------
    MethodError
        A figure is missing, negative or infinite, lengths differ, or the formula is not defined.
    """
    (p_0, p_1, q_0, q_1), items = _prices_and_quantities(
        price_0=price_0, price_1=price_1, quantity_0=quantity_0, quantity_1=quantity_1
    )
    tables = pd.DataFrame([p_0, p_1], columns=items), pd.DataFrame([q_0, q_1], columns=items)
    return _series(*tables, formula, of, chained=False, matched=False)


def index_series(
    frame: pd.DataFrame,
    *,
    period: str = "period",
    item: str = "item",
    price: str = "price",
    quantity: str = "quantity",
    formula: Formula = "fisher",
    of: Literal["price", "quantity"] = "price",
    chained: bool = False,
    absent: Literal["raise", "zero", "match"] = "raise",
) -> IndexNumber:
    """Return an index over two or more periods, with the first as fixed base or chained.

    Parameters
    ----------
    frame : DataFrame
        One row a period and item.
    period, item, price, quantity : str
        Names of its columns. Periods must first appear in ascending order.
    formula, of : str
        As in :func:`bilateral_index`.
    chained : bool
        Multiply comparisons of neighbouring periods instead of comparing each with the first.
    absent : str
        If a period has no row for an item: ``raise`` refuses; ``zero`` says nothing was traded; ``match``
        says so too and leaves out of each comparison what was not traded in both of its periods. The index
        is then blind to what trade gained or lost with such items.

    Returns
    -------
    IndexNumber

    Raises
    ------
    MethodError
        A column is unknown, the frame is empty, periods are unsorted or fewer than two, a pair of period
        and item is absent or repeated, a figure is missing, negative or infinite, or the formula is not
        defined for two of the periods.
    """
    _choice("absent", absent, ("raise", "zero", "match"))
    grid = _grid(frame, {"period": period, "item": item, "price": price, "quantity": quantity}, absent)
    return _series(grid["price"], grid["quantity"], formula, of, chained=chained, matched=absent == "match")


def _grid(frame: pd.DataFrame, names: dict[str, str], absent: str) -> dict[str, pd.DataFrame]:
    """Return tables of prices and quantities, periods by items, checked cell by cell."""
    long = pd.DataFrame({argument: _column(frame, argument, name) for argument, name in names.items()})
    for argument in ("period", "item"):
        if long[argument].isna().any():
            raise MethodError("a row has none", argument, "fill it in or drop the row")
    repeated = long.duplicated(["period", "item"]).to_numpy()
    if repeated.any():
        pair = _words(tuple(long[["period", "item"]].iloc[int(np.argmax(repeated))]))
        raise MethodError(f"{pair} has two rows", "period", "merge them into one value and quantity first")
    periods, items = pd.Index(long["period"].unique()), pd.Index(long["item"].unique())
    if len(periods) < 2 or not periods.is_monotonic_increasing:
        raise MethodError("periods are fewer than two or not ascending", "period", "sort the frame by it")
    cells = pd.MultiIndex.from_product([periods, items], names=["period", "item"])
    whole = long.set_index(["period", "item"])
    gaps = ~cells.isin(whole.index)
    if gaps.any() and absent == "raise":
        what = f"{int(gaps.sum())} pairs of period and item have no row, the first {_words(cells[gaps][0])}"
        raise MethodError(what, "frame", "add them, or pass absent='zero' or 'match' if nothing was traded")
    prices = _numbers("price", whole["price"].reindex(cells))
    quantities = np.where(gaps, 0.0, _numbers("quantity", whole["quantity"].reindex(cells)))
    _refuse_bad("quantity", quantities, cells)
    _refuse_bad("price", np.where((quantities == 0) & np.isnan(prices), 0.0, prices), cells)
    shape = len(periods), len(items)
    tables = {"price": prices.reshape(shape), "quantity": quantities.reshape(shape)}
    return {name: pd.DataFrame(table, periods, items) for name, table in tables.items()}


def _series(
    price: pd.DataFrame, quantity: pd.DataFrame, formula: str, of: str, *, chained: bool, matched: bool
) -> IndexNumber:
    """Compare each period with the first, or with the one before it."""
    _choice("formula", formula, get_args(Formula))
    _choice("of", of, ("price", "quantity"))
    (p, q), periods, items = (price.to_numpy(), quantity.to_numpy()), price.index, price.columns
    rows = [(periods[0], 1.0, 1.0, int((q[0] > 0).sum()))]
    came_or_went = False
    for t in range(1, len(periods)):
        base = t - 1 if chained else 0
        both, either = (q[base] > 0) & (q[t] > 0), (q[base] > 0) | (q[t] > 0)
        keep = both if matched else either
        if not keep.any():
            what = f"nothing was traded in {'both' if matched else 'either'} of {periods[base]}, {periods[t]}"
            raise MethodError(what, "quantity", "drop the period, or compare others")
        came_or_went |= bool((keep & ~both).any())
        link = _compare((p[base][keep], p[t][keep], q[base][keep], q[t][keep]), items[keep], formula, of)
        rows.append((periods[t], link * (rows[-1][1] if chained else 1.0), link, int(keep.sum())))
    notes = ["Items are the same goods in every period: no change in grade or quality."]
    if matched:
        notes.append("Each comparison leaves out items not traded in both of its periods.")
    if came_or_went and formula in ("sato_vartia", "montgomery_vartia"):
        notes.append(LIMIT)
    frame = pd.DataFrame(rows, columns=["period", "index", "link", "items"])
    return IndexNumber(of, formula, chained, frame, len(items), tuple(notes))


def terms_of_trade(export_price: npt.ArrayLike, import_price: npt.ArrayLike) -> IndexNumber:
    """Return the net barter terms of trade: export over import prices, one in the first period.

    Parameters
    ----------
    export_price, import_price : Series or array_like, shape (periods,)
        Price indices, each on any base. Series need the same ascending index.

    Returns
    -------
    IndexNumber
        Its frame also has ``export_price`` and ``import_price``, each one in the first period.

    Raises
    ------
    MethodError
        A figure is missing, infinite or not above zero, lengths or periods differ, or periods are unsorted.
    """
    (exports, imports), periods = _vectors(export_price=export_price, import_price=import_price)
    for name, prices in (("export_price", exports), ("import_price", imports)):
        if (prices == 0).any():
            raise MethodError("a price index of zero has no ratio", name, "correct it or drop the period")
    if not (periods.is_monotonic_increasing and periods.is_unique):
        raise MethodError("periods are unsorted or repeated", "export_price", "sort the index, drop repeats")
    exports, imports = exports / exports[0], imports / imports[0]
    ratio = exports / imports
    frame = pd.DataFrame({"period": periods, "index": ratio, "link": ratio, "items": 1})
    frame = frame.assign(export_price=exports, import_price=imports)
    notes = ("Both price indices stand for all trade: goods without a recorded price moved like the rest.",)
    return IndexNumber("terms of trade", "export over import prices", False, frame, 1, notes)


# Decompositions


def lmdi(factors_0: pd.DataFrame, factors_1: pd.DataFrame, *, form: Form = "additive", unit: str = "") -> Decomposition:
    """Return the LMDI-I decomposition of a sum of products of any number of factors (Ang 2005, 2015).

    Parameters
    ----------
    factors_0, factors_1 : DataFrame, shape (items, factors)
        Factors of each item in the two periods; an item's value is their product.
    form : str
        ``additive`` or ``multiplicative``.
    unit : str
        Unit of the value.

    Returns
    -------
    Decomposition
        With one effect a column.

    Raises
    ------
    MethodError
        A factor is missing, negative or infinite, items or columns differ, two factors of an item reach
        zero together (the limit then depends on which is faster), or a total of zero is to be multiplied.
    """
    same = factors_0.index.equals(factors_1.index) and factors_0.columns.equals(factors_1.columns)
    if not same or factors_0.empty or not factors_0.columns.is_unique:
        what = f"its items or factors {factors_1.shape} are none, repeated or not those of factors_0"
        raise MethodError(what, "factors_1", "give the same items and factors in the same order")
    factors = _numbers("factors_0", factors_0), _numbers("factors_1", factors_1)
    cells = pd.MultiIndex.from_product([factors_0.index, factors_0.columns])
    _refuse_bad("factors_0", factors[0].ravel(), cells)
    _refuse_bad("factors_1", factors[1].ravel(), cells)
    values = factors[0].prod(axis=1), factors[1].prod(axis=1)
    effects = pd.DataFrame(_log_mean_effects(values, factors), factors_0.index, factors_0.columns)
    if effects.isna().any(axis=None):
        what = f"item {_words(effects.index[effects.isna().any(axis=1)][0])} has two factors at zero: no one limit"
        raise MethodError(what, "factors_1", "leave the item out and say so")
    return _decomposition("lmdi", form, unit, values, effects)


def decompose(
    price_0: npt.ArrayLike,
    price_1: npt.ArrayLike,
    quantity_0: npt.ArrayLike,
    quantity_1: npt.ArrayLike,
    *,
    method: Method = "lmdi",
    form: Form = "additive",
    mix: bool = False,
    unit: str = "",
) -> Decomposition:
    """Return the change in the value of one or many products, split into price and quantity.

    Every method is exact: effects sum to the change. ``laspeyres`` and ``paasche`` name the weights of the
    price effect (quantities of period 0, of period 1); the quantity effect takes the other period's
    prices. ``lmdi`` and ``montgomery`` are the same with two factors. If an item vanishes or appears they
    need no price for the period without it and call all of its change quantity; so does ``paasche`` if it
    vanishes and ``laspeyres`` if it appears; ``bennet`` needs the price.

    Parameters
    ----------
    price_0, price_1, quantity_0, quantity_1 : array_like, shape (n,)
        As in :func:`bilateral_index`; prices in ``unit`` per unit of quantity.
    method : str
        ``lmdi``, ``montgomery``, ``bennet``, ``laspeyres`` or ``paasche``.
    form : str
        ``additive``, or ``multiplicative`` with ``lmdi`` or ``montgomery``: the effects are then the
        Montgomery-Vartia price and quantity indices.
    mix : bool
        With ``lmdi`` or ``bennet``: split the quantity effect into the total volume and the mix of items.
        All quantities must be in one unit. ``lmdi`` leaves the price effect as it is without mix, but finds
        some mix even if all prices are alike; with ``bennet`` (total first, then its mean price) it is the
        other way round.
    unit : str
        Unit of the value, such as ``USD``.

    Returns
    -------
    Decomposition
        With the effects ``price`` and ``quantity``, or ``price``, ``mix`` and ``volume``.

    Raises
    ------
    MethodError
        A figure is missing, negative or infinite, lengths differ, or the method is not defined.
    """
    data, items = _prices_and_quantities(price_0=price_0, price_1=price_1, quantity_0=quantity_0, quantity_1=quantity_1)
    methods = ("lmdi", "bennet") if mix else get_args(Method)
    _choice("method", method, methods)
    p_0, p_1, q_0, q_1 = data
    if mix and not min(q_0.sum(), q_1.sum()) > 0:
        raise MethodError("nothing was traded in a period, so there is no mix", "mix", "pass mix=False")
    split = _three_effects if mix else _two_effects
    effects = split(data, method)
    bad = ~np.isfinite(effects).all(axis=1)
    if bad.any():
        defined = [name for name in methods if np.isfinite(split(data, name)).all()]
        names = ", ".join(map(str, items[np.flatnonzero(bad)][:5]))
        what = f"{method} needs the price of item {names} in both periods"
        remedy = f"defined here: {', '.join(defined) or 'none'}; an unknown price is NaN, not zero"
        raise MethodError(what, "method", remedy)
    table = pd.DataFrame(effects, items, ["price", "mix", "volume"] if mix else ["price", "quantity"])
    values = _times(p_0, q_0), _times(p_1, q_1)
    return _decomposition(method, form, unit, values, table, GRADE)


def _two_effects(data: Data, method: str) -> Array:
    """Return price and quantity effects of each item; NaN where the method is not defined."""
    p_0, p_1, q_0, q_1 = data
    if method in ("lmdi", "montgomery"):
        factors = np.column_stack([p_0, q_0]), np.column_stack([p_1, q_1])
        return _log_mean_effects((_times(p_0, q_0), _times(p_1, q_1)), factors)
    price_weight = {"bennet": (q_0 + q_1) / 2, "laspeyres": q_0, "paasche": q_1}[method]
    quantity_weight = {"bennet": (p_0 + p_1) / 2, "laspeyres": p_1, "paasche": p_0}[method]
    return np.column_stack([_times(price_weight, p_1 - p_0), _times(quantity_weight, q_1 - q_0)])


def _three_effects(data: Data, method: str) -> Array:
    """Return price, mix and volume effects of each item: value = total x share x price."""
    p_0, p_1, q_0, q_1 = data
    total_0, total_1 = q_0.sum(), q_1.sum()
    s_0, s_1 = q_0 / total_0, q_1 / total_1
    if method == "lmdi":
        totals = np.full_like(q_0, total_0), np.full_like(q_1, total_1)
        factors = np.column_stack([p_0, s_0, totals[0]]), np.column_stack([p_1, s_1, totals[1]])
        return _log_mean_effects((_times(p_0, q_0), _times(p_1, q_1)), factors)
    total = (total_0 + total_1) / 2
    price = total * _times((s_0 + s_1) / 2, p_1 - p_0)
    mix = total * _times((p_0 + p_1) / 2, s_1 - s_0)
    return np.column_stack([price, mix, (total_1 - total_0) * (_times(s_0, p_0) + _times(s_1, p_1)) / 2])


def _decomposition(
    method: str, form: str, unit: str, values: tuple[Array, Array], effects: pd.DataFrame, *notes: str
) -> Decomposition:
    """Return the totals of effects item by item, in the form asked for."""
    _choice("form", form, get_args(Form))
    total_0, total_1 = float(values[0].sum()), float(values[1].sum())
    sums, change = effects.sum(), total_1 - total_0
    if form == "multiplicative":
        if method not in ("lmdi", "montgomery") or min(total_0, total_1) <= 0:
            what = "ratios need method lmdi or montgomery and totals above zero"
            raise MethodError(what, "form", "use form='additive'")
        sums, change = np.exp(sums / _total_weight(values)), total_1 / total_0
    zero = (values[0] == 0) | (values[1] == 0)
    assumptions = [WEIGHTS[method], *notes]
    if zero.any() and method in ("lmdi", "montgomery"):
        assumptions.append(LIMIT)
    frame = pd.DataFrame(dict(zip(("value_0", "value_1"), values, strict=True)), effects.index)
    frame = pd.concat([frame, effects.add_suffix("_effect")], axis=1)
    parts = {str(name): float(part) for name, part in sums.items()}
    counts = len(frame), int(zero.sum())
    return Decomposition(method, form, unit, change, parts, frame, *counts, tuple(assumptions))


# Unit values, and one product between two periods


def unit_values(
    frame: pd.DataFrame,
    value: str,
    quantity: str,
    *,
    value_unit: str,
    quantity_unit: str,
    missing: Literal["raise", "mark"] = "raise",
) -> UnitValues:
    """Return the unit value, value over quantity, of each row.

    Parameters
    ----------
    frame : DataFrame
    value, quantity : str
        Names of its columns.
    value_unit, quantity_unit : str
        Units, such as ``usd`` and ``tonne``; ``quantity_unit`` may name a column of units, all the same.
    missing : str
        A row with no value, or with a missing or zero quantity, is refused (``raise``) or left without a
        unit value (``mark``). It is never divided.

    Returns
    -------
    UnitValues
        Its frame has the new columns ``unit_value_<value unit>_per_<quantity unit>`` and ``status``.

    Raises
    ------
    MethodError
        The frame is empty, a column is unknown or taken, a figure is negative, infinite or no number, units
        differ, or (``raise``) a row can't be divided.
    """
    _choice("missing", missing, ("raise", "mark"))
    values = _numbers("value", _column(frame, "value", value))
    quantities = _numbers("quantity", _column(frame, "quantity", quantity))
    _refuse_bad("value", values, frame.index, gaps=True)
    _refuse_bad("quantity", quantities, frame.index, gaps=True)
    if quantity_unit in frame.columns:
        units = frame.loc[~np.isnan(quantities), quantity_unit].unique()
        if len(units) != 1 or pd.isna(units[0]):
            raise MethodError(f"quantities are in {list(units)}", "quantity_unit", "convert them to one unit")
        quantity_unit = str(units[0])
    gaps = [np.isnan(values), np.isnan(quantities), quantities == 0]
    status = np.select(gaps, ["no value", "no quantity", "zero quantity"], "computed")
    computed = status == "computed"
    if missing == "raise" and not computed.all():
        row = int(np.argmin(computed))
        where, what = "value" if status[row] == "no value" else "quantity", status[row]
        raise MethodError(f"row {_words(frame.index[row])} has {what}", where, "drop it, or pass missing='mark'")
    column = f"unit_value_{value_unit}_per_{quantity_unit}".lower().replace(" ", "_")
    for name in (column, "status"):
        if name in frame.columns:
            raise MethodError(f"it already has a column {name!r}", "frame", "rename or drop that column")
    ratio = np.divide(values, quantities, out=np.full(len(frame), np.nan), where=computed)
    n, unit = int(computed.sum()), f"{value_unit} per {quantity_unit}"
    notes = GRADE, "Value and quantity cover the same shipments."
    table = frame.assign(**{column: ratio, "status": status})
    return UnitValues(table, column, unit, n, len(frame) - n, notes)


def price_volume(
    value_0: float,
    value_1: float,
    *,
    price_0: float | None = None,
    price_1: float | None = None,
    quantity_0: float | None = None,
    quantity_1: float | None = None,
    method: Method = "lmdi",
    price_source: str = "a benchmark price",
    unit: str = "USD",
    periods: tuple[str, str] = ("period 0", "period 1"),
) -> PriceVolume:
    """Return how much of one product's change in value is price and how much volume.

    With quantities, the price is the unit value. Without, a benchmark price in both periods stands in for
    it and volume is value deflated by the benchmark; only the ratio of the two prices matters.

    Parameters
    ----------
    value_0, value_1 : float
        Values in ``unit``; one may be zero.
    price_0, price_1 : float, optional
        Benchmark prices in any one unit, above zero.
    quantity_0, quantity_1 : float, optional
        Quantities in any one unit, zero only where the value is.
    method : str
        As in :func:`decompose`.
    price_source : str
        Name of the benchmark, for the assumptions.
    unit : str
        Unit of the values.
    periods : tuple of str
        Names of the periods.

    Returns
    -------
    PriceVolume

    Raises
    ------
    MethodError
        Not exactly one pair is given, a figure is missing, negative or infinite, both values are zero, a
        quantity is zero and its value is not (or the other way round), or the method is not defined.
    """
    kind, x_0, x_1 = "quantity", quantity_0, quantity_1
    if quantity_0 is None and quantity_1 is None:
        kind, x_0, x_1 = "price", price_0, price_1
    elif price_0 is not None or price_1 is not None:
        raise MethodError("both prices and quantities are given", "price_0", "drop the benchmark prices")
    if x_0 is None or x_1 is None:
        what, where = "two quantities or two benchmark prices are needed", f"{kind}_{int(x_0 is not None)}"
        raise MethodError(what, where, "give benchmark prices in both periods if a quantity is missing")
    given = {"value_0": value_0, "value_1": value_1, f"{kind}_0": x_0, f"{kind}_1": x_1}
    vectors, _ = _vectors((), **given)
    if vectors[0].size != 1:
        raise MethodError(f"it has {vectors[0].size} figures, one is needed", "value_0", "use decompose for many")
    v_0, v_1, x_0, x_1 = (float(vector[0]) for vector in vectors)
    for name, value, x in ((f"{kind}_0", v_0, x_0), (f"{kind}_1", v_1, x_1)):
        if (x == 0) != (value == 0 and kind == "quantity"):
            what = f"it is {x:g} where the value is {value:g}"
            raise MethodError(what, name, "correct it: zero goes with zero, and a benchmark is above zero")
    if v_0 == v_1 == 0:
        raise MethodError("nothing was traded in either period", "value_1", "there is no change to split")
    other = v_0 / x_0 if x_0 else np.nan, v_1 / x_1 if x_1 else np.nan
    (p_0, p_1), (q_0, q_1) = ((x_0, x_1), other) if kind == "price" else (other, (x_0, x_1))
    effects = decompose(p_0, p_1, q_0, q_1, method=method).effects
    price, volume, change = effects["price"], effects["quantity"], float(v_1 - v_0)
    notes = [WEIGHTS[method]]
    if kind == "price":
        notes.append(
            f"The price is {price_source}, a stand-in for the unit value: volume is value deflated by it, so"
            " a change in grade, discount or freight counts as volume."
        )
    else:
        notes.append(f"The price is the unit value, value over quantity. {GRADE}")
    if v_0 == 0 or v_1 == 0:
        notes.append(f"Nothing was traded in {periods[int(v_1 == 0)]}.")
        notes += [LIMIT] if method in ("lmdi", "montgomery") else []
    if price * volume < 0:
        notes.append("Price and volume moved in opposite directions: shares lie outside zero to one.")
    share = price / change + 0.0 if change else None  # no negative zero
    ratios = (float(p_1 / p_0) if p_1 / p_0 > 0 else None), (float(q_1 / q_0) if q_0 else None)
    names = str(periods[0]), str(periods[1])
    source = price_source if kind == "price" else "unit value"
    return PriceVolume(change, price, volume, share, *ratios, method, source, unit, names, 1, tuple(notes))
