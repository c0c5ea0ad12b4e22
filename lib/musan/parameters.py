"""What may be changed in each notebook: one typed model a notebook, checked before a kernel starts.

A notebook's cell tagged ``parameters`` repeats its model line by line (:func:`cell_source`), so that the
notebook can also be run by plain papermill or by hand. Its setup cell then takes the values back, checked::

    p = parameters.TradeCollapse.from_notebook(globals())
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, cast, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from musan.errors import CollectionError, ParameterError, nearest
from musan.refresh import vintages
from musan.refresh.errors import RefreshError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

_KIND_WORDS: dict[type, str] = {bool: "true or false", int: "whole number", float: "number", str: "text"}
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_INJECTED = "# Parameters"  # first line of the cell that papermill puts into a notebook


@dataclass(frozen=True)
class Parameter:
    """One parameter of one notebook, in words and in numbers.

    Parameters
    ----------
    name : str
        As in the notebook's ``parameters`` cell and after ``-p``.
    kind : type
        ``bool``, ``int``, ``float`` or ``str``.
    default : bool or int or float or str
        The committed value.
    choices : tuple
        The only values allowed; empty when any value of the kind is.
    low, high : int or float or None
        The bounds, both allowed themselves.
    description : str
        One line in plain words.
    """

    name: str
    kind: type
    default: bool | int | float | str
    choices: tuple[int | str, ...]
    low: float | None
    high: float | None
    description: str

    @property
    def type_words(self) -> str:
        """The kind of value, as a reader would say it."""
        return "choice" if self.choices else _KIND_WORDS[self.kind]

    @property
    def range_words(self) -> str:
        """The values allowed within the kind; empty when all are."""
        if self.choices:
            return ", ".join(map(repr, self.choices))
        if self.low is not None and self.high is not None:
            return f"from {self.low} to {self.high}"
        if self.low is not None:
            return f"at least {self.low}"
        return f"at most {self.high}" if self.high is not None else ""

    @property
    def allowed(self) -> str:
        """What a value must be, as the end of a sentence."""
        if self.choices:
            return f"one of {self.range_words}"
        article = "" if self.kind in (bool, str) else "a "
        return f"{article}{self.type_words} {self.range_words}".rstrip()

    def value_of(self, text: str) -> object:
        """Return the value that ``text`` stands for, or ``text`` itself when it is not of the kind."""
        if self.kind is bool:
            return {"true": True, "false": False}.get(text.lower(), text)
        if self.kind is int and _WHOLE_NUMBER.fullmatch(text):
            return int(text)
        if self.kind is float and _NUMBER.fullmatch(text):
            return float(text)
        return text


class NotebookParameters(BaseModel):
    """Base of the models: each field has a builtin type, a default and a one-line description."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True, allow_inf_nan=False)
    notebook: ClassVar[str] = ""
    live_sources: ClassVar[tuple[str, ...]] = ()  # whose vintages the notebook can read

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if not cls.notebook:
            raise TypeError(f"{cls.__name__} must say which notebook it belongs to")
        cls.described()
        cls()

    @classmethod
    def described(cls) -> list[Parameter]:
        """Return the parameters in the order of the notebook's cell.

        Returns
        -------
        list of Parameter
            One for each field.
        """
        return [_described(cls, name, field) for name, field in cls.model_fields.items()]

    @classmethod
    def checked(cls, values: Mapping[str, object]) -> Self:
        """Return the model with ``values`` in place of its defaults.

        Parameters
        ----------
        values : mapping of str to object
            Values by parameter name; an ``int`` is taken for a ``float``, nothing else is converted.

        Returns
        -------
        NotebookParameters
            The complete set.

        Raises
        ------
        ParameterError
            For an unknown name, a wrong type, a value out of range or not among the choices.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            problems = [cls._problem(detail) for detail in error.errors(include_url=False)]
        raise cls._refusal("; ".join(problems))

    @classmethod
    def values_of(cls, texts: Mapping[str, str]) -> dict[str, object]:
        """Return the values that texts from a command line stand for, unchecked but for their names.

        Parameters
        ----------
        texts : mapping of str to str
            Texts by parameter name.

        Returns
        -------
        dict of str to object
            A text that is not of its parameter's kind stays a text, which :meth:`checked` refuses.
        """
        known = {parameter.name: parameter for parameter in cls.described()}
        cls._refuse_unknown(texts)
        return {name: known[name].value_of(text) for name, text in texts.items()}

    @classmethod
    def from_notebook(cls, namespace: Mapping[str, object]) -> Self:
        """Return the checked parameters that a notebook's cells have set.

        Parameters
        ----------
        namespace : mapping of str to object
            The notebook's ``globals()``.

        Returns
        -------
        NotebookParameters
            The complete set.

        Raises
        ------
        ParameterError
            For a bad value, and for a name in the cell injected by papermill that the model lacks.
        """
        cls._refuse_unknown(_injected_names(namespace.get("In")))
        missing = [name for name in cls.model_fields if name not in namespace]
        if missing:
            raise cls._refusal(f"the parameters cell does not set {', '.join(missing)}")
        return cls.checked({name: namespace[name] for name in cls.model_fields})

    @classmethod
    def _refuse_unknown(cls, names: Mapping[str, object] | Sequence[str]) -> None:
        for name in names:
            if name not in cls.model_fields:
                raise cls._refusal(cls._unknown(name))

    @classmethod
    def _unknown(cls, name: str) -> str:
        if not cls.model_fields:
            return f"no parameter {name!r}: musan.parameters has no model of this notebook"
        return f"no parameter {name!r}: {nearest(name, cls.model_fields)}"

    @classmethod
    def _problem(cls, detail: ErrorDetails) -> str:
        """Say in words what pydantic found."""
        name = str(detail["loc"][0]) if detail["loc"] else ""
        if detail["type"] == "extra_forbidden":
            return cls._unknown(name)
        if detail["type"] == "value_error":  # from a validator of the model's own
            reason = str(detail.get("ctx", {}).get("error", detail["msg"]))
            return f"parameter {name}: {reason}" if name else reason
        parameter = _described(cls, name, cls.model_fields[name])
        return f"parameter {name} is {detail['input']!r} but must be {parameter.allowed}"

    @classmethod
    def _refusal(cls, problem: str) -> ParameterError:
        remedy = f"`musan params {cls.notebook}` lists what is allowed" if cls.model_fields else ""
        return ParameterError(problem, cls.notebook, remedy)


def _described(model: type[NotebookParameters], name: str, field: FieldInfo) -> Parameter:
    """Return a field as a :class:`Parameter`; an author's slip is a TypeError when the library loads."""
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    kind = type(choices[0]) if choices else field.annotation
    description = field.description or ""
    sound = kind in _KIND_WORDS and all(type(choice) is kind for choice in choices)
    if not sound or field.is_required() or not description or "\n" in description:
        raise TypeError(f"{model.__name__}.{name} needs a builtin type, a default and a one-line description")
    return Parameter(
        name=name,
        kind=kind,  # type: ignore[arg-type]
        default=field.default,
        choices=choices,
        low=next((cast("float", bound.ge) for bound in field.metadata if isinstance(bound, Ge)), None),
        high=next((cast("float", bound.le) for bound in field.metadata if isinstance(bound, Le)), None),
        description=description,
    )


def _injected_names(history: object) -> list[str]:
    """Return the names set by the newest cell of IPython's input history that papermill injected."""
    cells = [cell for cell in history if isinstance(cell, str)] if isinstance(history, list) else []
    injected = next((cell for cell in reversed(cells) if cell.lstrip().startswith(_INJECTED)), "")
    return list(assignments(injected))


def assignments(source: str) -> dict[str, ast.expr | None]:
    """Return what a cell of plain Python assigns at its top level.

    Parameters
    ----------
    source : str
        The cell's code.

    Returns
    -------
    dict of str to ast.expr or None
        The expression assigned, by name; empty when the cell is not plain Python.
    """
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return {}
    found: dict[str, ast.expr | None] = {}
    for statement in statements:
        if isinstance(statement, ast.AnnAssign):
            targets: list[ast.expr] = [statement.target]
        elif isinstance(statement, ast.Assign):
            targets = statement.targets
        else:
            continue
        found |= {target.id: statement.value for target in targets if isinstance(target, ast.Name)}
    return found


def cell_source(model: type[NotebookParameters]) -> str:
    """Return the code of the notebook's ``parameters`` cell.

    Parameters
    ----------
    model : type of NotebookParameters
        The notebook's model.

    Returns
    -------
    str
        One line a parameter, such as ``base_year: int = 2016  # year that falls are measured from``.
    """
    return "\n".join(
        f"{each.name}: {each.kind.__name__} = {_literal(each.default)}  # {each.description}"
        for each in model.described()
    )


def _literal(value: bool | float | str) -> str:
    """Return ``repr(value)`` with the quotes that the formatter would choose."""
    text = repr(value)
    return f'"{text[1:-1]}"' if isinstance(value, str) and text[0] == "'" and '"' not in value else text


def model_for(name: str) -> type[NotebookParameters]:
    """Return the model of a notebook.

    Parameters
    ----------
    name : str
        The notebook's name, such as ``01_trade_collapse``.

    Returns
    -------
    type of NotebookParameters
        Its model.

    Raises
    ------
    CollectionError
        When no notebook has that name.
    """
    if name not in MODELS:
        raise CollectionError(f"no notebook {name!r}", remedy=nearest(name, MODELS))
    return MODELS[name]


def without_parameters(name: str) -> type[NotebookParameters]:
    """Return an empty model, for a notebook that a user has added without one.

    Parameters
    ----------
    name : str
        The notebook's name.

    Returns
    -------
    type of NotebookParameters
        A model that refuses every parameter.
    """
    return type("NoParameters", (NotebookParameters,), {"__module__": __name__, "notebook": name})


def parse(name: str, texts: Mapping[str, str]) -> NotebookParameters:
    """Return a notebook's parameters from texts, as they come from a command line.

    Parameters
    ----------
    name : str
        The notebook's name.
    texts : mapping of str to str
        Texts by parameter name; the others keep their defaults.

    Returns
    -------
    NotebookParameters
        The complete set.

    Raises
    ------
    ParameterError
        For an unknown name, a wrong type, a value out of range or not among the choices.
    """
    model = model_for(name)
    return model.checked(model.values_of(texts))


def describe(name: str) -> list[Parameter]:
    """Return the parameters of a notebook in the order of its cell.

    Parameters
    ----------
    name : str
        The notebook's name.

    Returns
    -------
    list of Parameter
        Name, kind, default, range and description of each.
    """
    return model_for(name).described()


def _in_the_store(names: str) -> str:
    """Return the names of vintages when all of them exist."""
    try:
        vintages.named(names)
    except RefreshError as error:
        raise ValueError(str(error)) from error
    return names


VintageNames = Annotated[str, AfterValidator(_in_the_store)]
VINTAGE = "newer figures: vintages SOURCE/MOMENT, comma between; empty: committed tables"


class TradeCollapse(NotebookParameters):
    """Parameters of ``01_trade_collapse``."""

    notebook: ClassVar[str] = "01_trade_collapse"
    live_sources: ClassVar[tuple[str, ...]] = ("comtrade",)

    period: Literal["june", "first_half", "year"] = Field("first_half", description="part of 2018 that is compared")
    base_year: int = Field(2017, ge=2014, le=2017, description="year that 2018 is compared with")
    compiler: Literal["reconciled", "customs", "kotra", "itc"] = Field(
        "reconciled", description="whose figures: the rebuilt series, or one compiler's"
    )
    currency: Literal["usd", "cny"] = Field("usd", description="US dollars or yuan")
    income_base_year: int = Field(2016, ge=2014, le=2017, description="year that income of 2018 is compared with")
    draws: int = Field(2000, ge=200, le=20000, description="random paths for intervals")
    bootstrap_draws: int = Field(999, ge=199, le=9999, description="bootstrap samples of the break tests")
    seed: int = Field(2018, ge=0, le=2**31 - 1, description="seed of the random paths and bootstrap samples")
    vintage: VintageNames = Field("", description=VINTAGE)


class MusanIronOre(NotebookParameters):
    """Parameters of ``02_musan_iron_ore``."""

    notebook: ClassVar[str] = "02_musan_iron_ore"
    live_sources: ClassVar[tuple[str, ...]] = ("comtrade", "pink_sheet")

    method: Literal["lmdi", "bennet", "montgomery"] = Field(
        "lmdi", description="how a change is split in price and volume"
    )
    price_lag_months: int = Field(0, ge=0, le=6, description="months by which contract prices follow the world price")
    count_estimated_rank: bool = Field(False, description="let the estimated ranking of 2014 decide too")
    vintage: VintageNames = Field("", description=VINTAGE)


class WithoutSanctions(NotebookParameters):
    """Parameters of ``03_without_sanctions``."""

    notebook: ClassVar[str] = "03_without_sanctions"
    live_sources: ClassVar[tuple[str, ...]] = ("comtrade", "pink_sheet", "baci")

    measure: Literal["full_ban", "coal_suspension", "coal_cap", "first_ban"] = Field(
        "full_ban", description="measure whose effect is sought; falls before it are attributed to nothing"
    )
    model: Literal["level", "drift", "sarima"] = Field("level", description="model of trade before the measure")
    prices: bool = Field(True, description="let world prices of iron ore and coal into the model")
    horizon: Literal["first_half", "year"] = Field("first_half", description="part of 2018 that is compared")
    statements: Literal["before_measure", "all"] = Field(
        "before_measure", description="figures that the months before the measure are rebuilt from"
    )
    least_months: int = Field(24, ge=24, le=36, description="fewest months fitted at a placebo date")
    placebo_windows: Literal["apart", "overlapping"] = Field(
        "apart", description="placebo dates that count: those whose months do not overlap, or all"
    )
    goods_base_year: Literal[2016, 2017] = Field(2016, description="year that goods of 2018 are compared with")
    paths: int = Field(8, ge=2, le=40, description="random paths of the rebuilt series that the model is fitted to")
    simulations: int = Field(400, ge=200, le=4000, description="simulated forecasts from each path")
    seed: int = Field(2018, ge=0, le=2**31 - 1, description="seed of paths and forecasts")
    vintage: VintageNames = Field("", description=VINTAGE)


class ForeignCurrency(NotebookParameters):
    """Parameters of ``04_foreign_currency``."""

    notebook: ClassVar[str] = "04_foreign_currency"

    stocks_dated: Literal["end_2016_or_2017", "end_2016", "all_dates"] = Field(
        "end_2016_or_2017",
        description="stocks of end-2016 or end-2017, of end-2016, or of any date",
    )
    bank_of_korea: Literal["whole_economy", "store_of_value", "left_out"] = Field(
        "whole_economy", description="its stock with households, the part that moves no price, or none"
    )
    count_claims: bool = Field(True, description="count stocks and losses told by unnamed or single voices")
    late_losses: Literal["even", "before_2020"] = Field(
        "even", description="losses summed beyond 2020: spread evenly, or over 2017 to 2019"
    )
    count_upper_bound: bool = Field(True, description="count stocks that their author calls an upper bound")
    pairs: Literal["all", "same_author"] = Field(
        "all", description="every stock with every loss, or only with the same author's"
    )
    goods_source: Literal["harvard", "kotra"] = Field("harvard", description="whose yearly exports of goods")
    trend: Literal["stays", "grows"] = Field("stays", description="how exports would have gone on without sanctions")
    other_channels: Literal["same", "apart"] = Field(
        "same", description="undated channels earned one sum with and without sanctions, or any two"
    )
    new_channels: bool = Field(True, description="count smuggled coal and theft, published only under sanctions")
    workers_income: Literal["published", "from_wages"] = Field(
        "published", description="workers abroad: income as published, or as their wages allow"
    )
    draws: int = Field(4000, ge=200, le=20000, description="paths of the stock and of the forecast")
    seed: int = Field(2018, ge=0, le=2**31 - 1, description="seed of the paths")
    vintage: VintageNames = Field("", description=VINTAGE)


class ExportCities(NotebookParameters):
    """Parameters of ``05_export_cities``."""

    notebook: ClassVar[str] = "05_export_cities"

    first_month: Literal["2017-01", "2017-07", "2017-09"] = Field(
        "2017-07", description="first month in which what is reported on may end"
    )
    last_month: Literal["2018-08", "2018-12", "2019-12"] = Field("2018-12", description="last month")
    coding: Literal["first", "second"] = Field("first", description="whose directions grade severity in the slope")
    exposure_by: Literal["share_lost", "dollars_per_head"] = Field(
        "share_lost", description="exposure: share of a town's goods lost, or dollars lost a head"
    )
    unknown_flags: Literal["left_out", "not_exposed"] = Field(
        "left_out", description="towns without a stated product: out of the slope, or in as not exposed"
    )
    with_capital: bool = Field(True, description="count Pyongyang, which sews for export, as an export town")
    elsewhere: Literal["towns_and_provinces", "towns", "no_export_town"] = Field(
        "towns_and_provinces", description="what counts as elsewhere, from named places to all other reports"
    )
    sectors_by: Literal["either", "first", "second"] = Field(
        "either", description="whose codes say that a report is on steel or on an export trade"
    )
    inferred_dates: bool = Field(True, description="count reports whose date was worked out, not printed")
    doubtful_coding: bool = Field(True, description="count reports whose coding the codebook doubts")
    same_outlet: bool = Field(True, description="count other reports of the outlet whose article is under test")
    permutations: int = Field(4999, ge=199, le=50000, description="permutations of exposure among towns")
    seed: int = Field(2018, ge=0, le=2**31 - 1, description="seed of the permutations")
    vintage: VintageNames = Field("", description=VINTAGE)


class FuelFoodMarkets(NotebookParameters):
    """Parameters of ``06_fuel_food_markets``."""

    notebook: ClassVar[str] = "06_fuel_food_markets"

    window: Literal["first_half", "second_quarter", "third_quarter"] = Field(
        "first_half", description="part of 2018 whose prices are compared with those of 2017"
    )
    currency: Literal["usd", "cny", "kpw"] = Field("usd", description="currency in which prices are compared")
    outlets: Literal["all", "without_asiapress"] = Field("all", description="whose price reports count")
    inferred_dates: bool = Field(True, description="keep price reports whose date was worked out")
    supply_before: Literal["june_2017", "year_2016", "before_cap"] = Field(
        "june_2017", description="deliveries before the caps"
    )
    supply_after: Literal["notified", "customs", "with_tankers_third", "with_tankers_full"] = Field(
        "notified", description="deliveries after the caps, recorded or with alleged tankers"
    )
    counterfactual: Literal["recorded_months", "june_2017", "july_2017"] = Field(
        "recorded_months", description="deliveries that would have gone on without the caps"
    )
    dated_by: Literal["mine_rations", "county_food"] = Field(
        "mine_rations", description="whose rations date the end: the mine's or anyone's in Musan"
    )
    mine_reports: Literal["rations", "rations_and_pay"] = Field(
        "rations_and_pay", description="reports on the mine that may name a cause"
    )
    event_days: int = Field(90, ge=30, le=180, description="days on either side of an event")
    draws: int = Field(2000, ge=200, le=20000, description="resamples of months for the interval of deliveries")
    seed: int = Field(2018, ge=0, le=2**31 - 1, description="seed of the resamples")
    vintage: VintageNames = Field("", description=VINTAGE)


class CapitalArmyElites(NotebookParameters):
    """Parameters of ``07_pyongyang_military_elites``."""

    notebook: ClassVar[str] = "07_pyongyang_military_elites"

    first_month: Literal["2017-01", "2017-07", "2017-09"] = Field(
        "2017-07", description="first month in which what is reported on may end"
    )
    last_month: Literal["2018-08", "2018-12", "2019-12"] = Field(
        "2018-12", description="last month, for the capital and the army"
    )
    last_month_elites: Literal["2018-08", "2018-12", "2019-12"] = Field(
        "2019-12", description="last month, for the rich"
    )
    inferred_dates: bool = Field(True, description="count rows whose date was worked out, not printed")
    doubtful_coding: bool = Field(True, description="count reports whose coding the codebook doubts")
    sectors_by: Literal["either", "first", "second"] = Field(
        "either", description="whose codes say what a report is on"
    )
    same_outlet: bool = Field(True, description="count other reports of the outlet whose article is under test")
    count_figures: Literal["as_stated", "all", "none"] = Field(
        "as_stated", description="count figures where the estimand names them, for every claim, or for none"
    )
    army: Literal["supply", "whole_sector"] = Field(
        "supply", description="reports on supply of soldiers, or all on the army and its plants"
    )
    elites: Literal["capital", "everywhere", "earnings_only", "with_trading_firms"] = Field(
        "capital", description="the rich of Pyongyang, of any place, earnings and assets only, or with trading firms"
    )
    vintage: VintageNames = Field("", description=VINTAGE)


class Testimony(NotebookParameters):
    """Parameters of ``08_testimony``."""

    notebook: ClassVar[str] = "08_testimony"

    acquaintances: int = Field(100, ge=1, le=10_000, description="workers whose days the informant can see")
    intraclass_correlation: float = Field(
        0.1, ge=0, le=1, description="how alike his acquaintances are: 0 not at all, 1 the same"
    )
    odds_ratio_low: float = Field(
        0.5,
        ge=0.01,
        le=1,
        description="least odds of leaving early among those he sees, over the odds among the others",
    )
    odds_ratio_high: float = Field(2.0, ge=1, le=100, description="largest of these odds ratios")
    counted_by: Literal["networks", "sources"] = Field(
        "networks", description="what an independent voice is: a network or a page"
    )
    comparable: Literal["same_workplace", "same_measure", "any_absence"] = Field(
        "same_workplace", description="what a figure from before may be compared with"
    )
    inferred_dates: bool = Field(True, description="keep figures whose date was worked out")
    vintage: VintageNames = Field("", description=VINTAGE)


class LabourControl(NotebookParameters):
    """Parameters of ``09_labour_control``."""

    notebook: ClassVar[str] = "09_labour_control"

    wage_kpw_per_month: float = Field(100_000.0, ge=0, le=1_000_000, description="cash wage while it was paid, won")
    ration_kg_per_month: float = Field(14.0, ge=0, le=100, description="ration while it was given, kg of rice")
    market_income_kpw_per_day: float = Field(
        6_000.0, ge=100, le=100_000, description="median income of a full day on the market, won"
    )
    exemption_fee_kpw_per_month: float = Field(140_000.0, ge=0, le=1_000_000, description="fee for paid leave, won")
    sentence_months: float = Field(3.0, ge=0, le=24, description="months of a sentence for absence")
    detection_at_muster: float = Field(
        0.9, ge=0, le=1, description="chance in a month that one who stays away is found out"
    )
    detection_in_day: float = Field(
        0.5, ge=0, le=1, description="chance in a month that one who signs in and leaves is found out"
    )
    share_sentenced: float = Field(0.1, ge=0, le=1, description="share sentenced of those found out")
    first_month: Literal["2017-01", "2017-07"] = Field(
        "2017-07", description="first month in which what is reported on may end"
    )
    last_month: Literal["2018-08", "2018-12", "2019-12"] = Field("2018-12", description="last such month")
    inferred_dates: bool = Field(True, description="count rows whose date was worked out, not printed")
    doubtful_coding: bool = Field(True, description="count reports whose coding the codebook doubts")
    same_outlet: bool = Field(True, description="count other rows of the outlet whose article is under test")
    firms_abroad: bool = Field(False, description="count reports on North Korean traders and staff in China")
    comparable: Literal["same_workplace", "same_measure", "any_absence"] = Field(
        "same_workplace", description="what a figure from before may be compared with"
    )
    baseline: Literal["share", "fee"] = Field(
        "share", description="figures from before that count: shares of workers, or the price of paid leave too"
    )
    practice: Literal["both", "either", "camps", "checks", "any_penalty"] = Field(
        "both", description="what must be described: checks and camps, either, one of them, or any penalty"
    )
    draws: int = Field(4000, ge=200, le=100_000, description="random draws from the ranges of the model")
    seed: int = Field(2018, ge=0, le=2**31 - 1, description="seed of the draws")
    vintage: VintageNames = Field("", description=VINTAGE)


class Verdicts(NotebookParameters):
    """Parameters of ``10_verdicts``."""

    notebook: ClassVar[str] = "10_verdicts"

    executed_notebooks: str = Field("", description="folder of executed notebooks, empty for the output folder")
    sweeps: str = Field("", description="folder of sweeps' results, empty for the output folder")
    vintage: VintageNames = Field("", description=VINTAGE)


MODELS: dict[str, type[NotebookParameters]] = {
    model.notebook: model
    for model in (
        TradeCollapse,
        MusanIronOre,
        WithoutSanctions,
        ForeignCurrency,
        ExportCities,
        FuelFoodMarkets,
        CapitalArmyElites,
        Testimony,
        LabourControl,
        Verdicts,
    )
}
"""The model of each notebook, by the notebook's name."""
