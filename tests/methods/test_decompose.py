"""Index numbers and decompositions, held against printed values, closed forms and axioms."""

import json
from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musan.errors import MethodError
from musan.methods.decompose import (
    FORMULAS,
    bilateral_index,
    decompose,
    index_series,
    lmdi,
    price_volume,
    terms_of_trade,
    unit_values,
)

REFERENCE = Path(__file__).parents[1] / "reference" / "decompose"
ALL = sorted(FORMULAS)
IDEAL = ["fisher", "sato_vartia", "montgomery_vartia"]
MEANS = [name for name in ALL if name != "montgomery_vartia"]  # its weights do not sum to one
METHODS = ["lmdi", "montgomery", "bennet", "laspeyres", "paasche"]
SYMMETRIC = ["lmdi", "montgomery", "bennet"]


def table(name):
    return pd.read_csv(REFERENCE / f"{name}.csv")


ARTIFICIAL, CES = table("artificial_data"), table("ces_data")
LMDI = json.loads((REFERENCE / "lmdi_factors.json").read_text())


def sides(frame, period_0, period_1):
    """Prices and quantities of two periods, in the order the functions take them."""
    rows = [frame[frame["period"] == period].set_index("item") for period in (period_0, period_1)]
    return [side[name] for name in ("price", "quantity") for side in rows]


# Printed values


@pytest.mark.parametrize("formula", ALL)
def test_fixed_base_indices_are_those_printed(formula):
    result = index_series(ARTIFICIAL, formula=formula)
    expected = table("artificial_fixed_base")[formula]
    np.testing.assert_allclose(result.frame["index"], expected, rtol=0, atol=0.5001e-4)


@pytest.mark.parametrize("formula", ALL)
def test_chained_indices_are_those_of_exact_arithmetic(formula):
    result = index_series(ARTIFICIAL, formula=formula, chained=True)
    np.testing.assert_allclose(result.frame["index"], table("artificial_chained")[formula], rtol=1e-13)


@pytest.mark.parametrize("formula", ["laspeyres", "paasche", "fisher", "tornqvist"])
def test_chained_indices_of_ces_data_are_those_of_another_package(formula):
    result = index_series(CES, formula=formula, chained=True)
    np.testing.assert_allclose(result.frame["index"], table("ces_chained")[formula], rtol=1e-12)


def test_links_are_those_printed():
    printed = table("artificial_links").set_index(["period_0", "of", "formula"])["index"]
    second, first = sides(ARTIFICIAL, 2, 3), sides(ARTIFICIAL, 1, 2)
    laspeyres = bilateral_index(*second, formula="laspeyres").value
    ratio = bilateral_index(*second, formula="paasche").value / laspeyres - 1
    assert laspeyres == pytest.approx(printed[2, "price", "laspeyres"], abs=5e-8)
    assert ratio == pytest.approx(printed[2, "price", "paasche_over_laspeyres_minus_one"], abs=5e-9)
    quantity = bilateral_index(*second, formula="laspeyres", of="quantity").value
    assert quantity == pytest.approx(printed[2, "quantity", "laspeyres"], abs=5e-7)
    # Sums of six figures printed with eight decimals.
    assert bilateral_index(*second, formula="tornqvist").value == pytest.approx(
        printed[2, "price", "tornqvist"], abs=3e-8
    )
    assert bilateral_index(*first).value == pytest.approx(printed[1, "price", "fisher"], abs=3e-8)


def test_sato_vartia_is_the_true_index_of_ces_preferences():
    result = index_series(CES, formula="sato_vartia")
    np.testing.assert_allclose(result.frame["index"], table("ces_unit_cost")["index"], rtol=1e-13)


def test_fisher_is_the_true_index_of_quadratic_preferences():
    # Diewert (1976): exact for the unit cost sqrt(p'Bp), whose demands are Bp / cost.
    B = np.array([[2.0, 0.3, 0.1], [0.3, 1.0, 0.2], [0.1, 0.2, 1.5]])
    p_0, p_1 = np.array([1.0, 2.0, 0.5]), np.array([1.5, 1.1, 0.9])
    cost_0, cost_1 = np.sqrt(p_0 @ B @ p_0), np.sqrt(p_1 @ B @ p_1)
    result = bilateral_index(p_0, p_1, 3 * B @ p_0 / cost_0, 7 * B @ p_1 / cost_1)
    assert result.value == pytest.approx(cost_1 / cost_0, rel=1e-14)


@pytest.mark.parametrize("method", ["laspeyres", "paasche", "bennet", "montgomery"])
def test_indicators_are_those_printed(method):
    printed = table("ces_indicators").query("method == @method").set_index("period")
    for period, row in printed.iterrows():
        effects = decompose(*sides(CES, period - 1, period), method=method).effects
        assert effects["price"] == pytest.approx(row["price"], abs=1e-12)
        assert effects["quantity"] == pytest.approx(row["quantity"], abs=1e-12)


@pytest.mark.parametrize("year", ["1972", "1973", "1974"])
def test_lmdi_of_three_factors_is_that_printed(year):
    before, after = (pd.DataFrame(LMDI["factors"][y]) for y in (str(int(year) - 1), year))
    result = lmdi(before, after)
    np.testing.assert_allclose(result.frame.filter(like="effect"), LMDI["effects"][year], rtol=0, atol=6e-9)
    assert result.change == sum(after.prod(axis=1)) - sum(before.prod(axis=1))
    ratios = lmdi(before, after, form="multiplicative")
    np.testing.assert_allclose(list(ratios.effects.values()), LMDI["multiplicative"][year], rtol=0, atol=6e-10)


@pytest.mark.parametrize("case", LMDI["zeros"])
def test_lmdi_with_zeros_is_that_printed(case):
    before, after = pd.DataFrame(case["factors_0"]), pd.DataFrame(case["factors_1"])
    result = lmdi(before, after)
    np.testing.assert_allclose(result.frame.filter(like="effect"), case["effects"], rtol=0, atol=case["tolerance"])
    assert result.zeros == 1
    assert "limit" in result.assumptions[-1]
    if "multiplicative" in case:
        ratios = lmdi(before, after, form="multiplicative")
        np.testing.assert_allclose(list(ratios.effects.values()), case["multiplicative"], rtol=0, atol=5e-8)


# Axioms

positive = st.floats(min_value=1e-3, max_value=1e3)


@st.composite
def trade(draw, least=1):
    """Prices and quantities of a few items in two periods, all traded."""
    n = draw(st.integers(least, 5))
    columns = st.lists(positive, min_size=n, max_size=n).map(np.array)
    return tuple(draw(columns) for _ in range(4))


def both(data, formula):
    return (bilateral_index(*data, formula=formula, of=of).value for of in ("price", "quantity"))


def values(data):
    return data[0] @ data[2], data[1] @ data[3]


@pytest.mark.parametrize("formula", IDEAL)
@given(data=trade())
@settings(deadline=None, max_examples=25)
def test_price_times_quantity_index_is_the_ratio_of_values(formula, data):
    price, quantity = both(data, formula)
    value_0, value_1 = values(data)
    assert price * quantity == pytest.approx(value_1 / value_0, rel=1e-10)


@given(data=trade())
@settings(deadline=None, max_examples=25)
def test_laspeyres_and_paasche_make_up_the_ratio_of_values(data):
    price, _ = both(data, "laspeyres")
    _, quantity = both(data, "paasche")
    value_0, value_1 = values(data)
    assert price * quantity == pytest.approx(value_1 / value_0, rel=1e-10)


@pytest.mark.parametrize("formula", [*IDEAL, "tornqvist"])
@given(data=trade())
@settings(deadline=None, max_examples=25)
def test_an_index_backwards_is_one_over_the_index(formula, data):
    p_0, p_1, q_0, q_1 = data
    backwards = bilateral_index(p_1, p_0, q_1, q_0, formula=formula).value
    assert bilateral_index(*data, formula=formula).value * backwards == pytest.approx(1, rel=1e-10)


@pytest.mark.parametrize("formula", ALL)
@given(data=trade())
@settings(deadline=None, max_examples=20)
def test_the_same_prices_give_an_index_of_one(formula, data):
    p_0, _, q_0, q_1 = data
    assert bilateral_index(p_0, p_0, q_0, q_1, formula=formula).value == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("formula", MEANS)
@given(data=trade(), factor=positive)
@settings(deadline=None, max_examples=20)
def test_proportional_prices_give_their_factor(formula, data, factor):
    p_0, _, q_0, q_1 = data
    assert bilateral_index(p_0, factor * p_0, q_0, q_1, formula=formula).value == pytest.approx(factor, rel=1e-10)


def test_montgomery_vartia_fails_proportionality_as_documented():
    index = bilateral_index([1, 1], [2, 2], [1, 9], [9, 1], formula="montgomery_vartia").value
    assert 1 < index < 2 - 0.1


@pytest.mark.parametrize("formula", MEANS)
@given(data=trade())
@settings(deadline=None, max_examples=20)
def test_an_index_lies_between_the_price_ratios(formula, data):
    ratios = data[1] / data[0]
    index = bilateral_index(*data, formula=formula).value
    assert ratios.min() * (1 - 1e-9) <= index <= ratios.max() * (1 + 1e-9)


@given(data=trade())
@settings(deadline=None, max_examples=25)
def test_fisher_lies_between_laspeyres_and_paasche_whichever_is_higher(data):
    index = {name: bilateral_index(*data, formula=name).value for name in ("laspeyres", "paasche", "fisher")}
    low, high = sorted((index["laspeyres"], index["paasche"]))
    assert low * (1 - 1e-9) <= index["fisher"] <= high * (1 + 1e-9)


@pytest.mark.parametrize("formula", ALL)
@pytest.mark.parametrize("of", ["price", "quantity"])
@given(data=trade(least=2), scale=positive)
@settings(deadline=None, max_examples=20)
def test_an_index_does_not_depend_on_the_units_of_an_item(formula, of, data, scale):
    p_0, p_1, q_0, q_1 = (side.copy() for side in data)
    p_0[0], p_1[0], q_0[0], q_1[0] = p_0[0] * scale, p_1[0] * scale, q_0[0] / scale, q_1[0] / scale
    other = bilateral_index(p_0, p_1, q_0, q_1, formula=formula, of=of).value
    assert bilateral_index(*data, formula=formula, of=of).value == pytest.approx(other, rel=1e-9)


@pytest.mark.parametrize("formula", ALL)
def test_two_periods_chained_are_the_two_compared(formula):
    pair = ARTIFICIAL[ARTIFICIAL["period"].isin([2, 3])]
    index = bilateral_index(*sides(ARTIFICIAL, 2, 3), formula=formula).value
    for chained in (False, True):
        assert index_series(pair, formula=formula, chained=chained).value == index


# Decompositions


@pytest.mark.parametrize("method", METHODS)
@given(data=trade())
@settings(deadline=None, max_examples=25)
def test_effects_sum_to_the_change(method, data):
    result = decompose(*data, method=method)
    value_0, value_1 = values(data)
    scale = value_0 + value_1 + sum(abs(effect) for effect in result.effects.values())
    assert sum(result.effects.values()) == pytest.approx(value_1 - value_0, abs=1e-12 * scale)
    assert result.n == len(data[0])
    np.testing.assert_allclose(result.frame.filter(like="effect").sum(), list(result.effects.values()), rtol=1e-12)


@pytest.mark.parametrize("method", ["lmdi", "bennet"])
@given(data=trade())
@settings(deadline=None, max_examples=25)
def test_price_mix_and_volume_sum_to_the_change(method, data):
    result = decompose(*data, method=method, mix=True)
    value_0, value_1 = values(data)
    scale = value_0 + value_1 + sum(abs(effect) for effect in result.effects.values())
    assert list(result.effects) == ["price", "mix", "volume"]
    assert sum(result.effects.values()) == pytest.approx(value_1 - value_0, abs=1e-12 * scale)


@pytest.mark.parametrize("method", SYMMETRIC)
@given(data=trade())
@settings(deadline=None, max_examples=20)
def test_effects_backwards_change_their_sign(method, data):
    p_0, p_1, q_0, q_1 = data
    forwards, backwards = decompose(*data, method=method), decompose(p_1, p_0, q_1, q_0, method=method)
    for name, effect in forwards.effects.items():
        assert effect == pytest.approx(-backwards.effects[name], rel=1e-9, abs=1e-9)


@given(data=trade())
@settings(deadline=None, max_examples=20)
def test_bennet_is_the_mean_of_laspeyres_and_paasche(data):
    price = {name: decompose(*data, method=name).effects["price"] for name in ("bennet", "laspeyres", "paasche")}
    mean = (price["laspeyres"] + price["paasche"]) / 2
    assert price["bennet"] == pytest.approx(mean, rel=1e-9, abs=1e-6)


@given(p_0=positive, p_1=positive, q_0=positive, q_1=positive)
@settings(deadline=None, max_examples=40)
def test_lmdi_of_one_product_lies_between_laspeyres_and_paasche(p_0, p_1, q_0, q_1):
    price = {name: decompose(p_0, p_1, q_0, q_1, method=name).effects["price"] for name in METHODS}
    low, high = sorted((price["laspeyres"], price["paasche"]))
    slack = 1e-9 * (abs(low) + abs(high))
    assert low - slack <= price["lmdi"] <= high + slack
    assert price["lmdi"] == price["montgomery"]


@given(data=trade())
@settings(deadline=None, max_examples=20)
def test_multiplicative_lmdi_is_the_montgomery_vartia_index(data):
    result = decompose(*data, form="multiplicative")
    price, quantity = both(data, "montgomery_vartia")
    assert result.effects["price"] == pytest.approx(price, rel=1e-10)
    assert result.effects["quantity"] == pytest.approx(quantity, rel=1e-10)
    assert result.effects["price"] * result.effects["quantity"] == pytest.approx(result.change, rel=1e-10)


@given(data=trade())
@settings(deadline=None, max_examples=20)
def test_lmdi_mix_and_volume_make_up_the_quantity_effect(data):
    two, three = decompose(*data).effects, decompose(*data, mix=True).effects
    scale = sum(abs(effect) for effect in three.values())
    assert three["price"] == pytest.approx(two["price"], abs=1e-12 * scale)
    assert three["mix"] + three["volume"] == pytest.approx(two["quantity"], abs=1e-11 * scale)


@pytest.mark.parametrize("method", ["lmdi", "bennet"])
def test_what_stays_the_same_has_no_effect(method):
    def effects(*data):
        return decompose(*data, method=method, mix=True).effects

    assert effects([1, 2], [3, 1], [4, 6], [8, 12])["mix"] == pytest.approx(0, abs=1e-12)
    assert effects([1, 2], [3, 1], [4, 6], [6, 4])["volume"] == pytest.approx(0, abs=1e-12)
    assert effects([1, 2], [1, 2], [4, 6], [9, 4])["price"] == pytest.approx(0, abs=1e-12)
    assert effects([2], [3], [4], [9])["mix"] == 0


def test_items_of_one_price_have_no_mix_under_bennet_as_documented():
    data = [2, 2], [3, 3], [4, 6], [18, 2]
    assert decompose(*data, method="bennet", mix=True).effects["mix"] == pytest.approx(0, abs=1e-12)
    assert abs(decompose(*data, method="lmdi", mix=True).effects["mix"]) > 0.1


def exact_price_effect(p_0, p_1, q_0, q_1):
    with localcontext() as context:
        context.prec = 60
        p_0, p_1, q_0, q_1 = map(Decimal, (p_0, p_1, q_0, q_1))
        value_0, value_1 = p_0 * q_0, p_1 * q_1
        return float((value_1 - value_0) / (value_1 / value_0).ln() * (p_1 / p_0).ln())


@pytest.mark.parametrize("step", [1e-15, 1e-12, 1e-8, 1e-4, 0.3, 0.7, 3.0, 1e6, 1e200])
def test_lmdi_keeps_its_digits_when_values_are_close_or_far(step):
    p_0, p_1, q_0, q_1 = 2.0, 2.0 * (1 + step), 3.0, 3.3
    expected = exact_price_effect(p_0, p_1, q_0, q_1)
    assert decompose(p_0, p_1, q_0, q_1).effects["price"] == pytest.approx(expected, rel=1e-14)


def test_lmdi_keeps_its_digits_when_price_and_quantity_offset():
    p_1, q_1 = 2.0 * (1 + 1e-9), 3.0 / (1 + 1.0001e-9)
    expected = exact_price_effect(2.0, p_1, 3.0, q_1)
    assert decompose(2.0, p_1, 3.0, q_1).effects["price"] == pytest.approx(expected, rel=1e-13)


# Zeros


def test_an_item_that_vanishes_is_all_quantity():
    data = [2.0, 5.0], [3.0, np.nan], [10.0, 4.0], [12.0, 0.0]
    result = decompose(*data)
    without = decompose(*(side[:1] for side in data))
    assert result.effects["price"] == without.effects["price"]
    assert result.effects["quantity"] == without.effects["quantity"] - 20
    assert (result.n, result.zeros) == (2, 1)
    p_0, p_1, q_0, q_1 = data
    back = decompose(p_1, p_0, q_1, q_0)
    assert back.effects["quantity"] == pytest.approx(-result.effects["quantity"])
    mix = decompose(*data, mix=True)
    assert mix.frame["mix_effect"][1] == -20
    assert mix.frame[["price_effect", "volume_effect"]].loc[1].tolist() == [0, 0]


@pytest.mark.parametrize("which", ["price", "quantity"])
@pytest.mark.parametrize("form", ["additive", "multiplicative"])
def test_the_limit_is_what_small_values_go_to_slowly(which, form):
    """The distance from the limit dies out as 1 / log(1 / d): a small number is a poor stand-in for zero."""

    def effect(d):
        p_1, q_1 = ([3.0, d], [12.0, 7.0]) if which == "price" else ([3.0, 6.0], [12.0, d])
        return decompose([2.0, 5.0], p_1, [10.0, 4.0], q_1, form=form).effects["price"]

    distances = [abs(effect(d) - effect(0.0)) for d in (1e-20, 1e-80, 1e-300)]
    assert distances[0] > distances[1] > distances[2] > 0
    assert distances[1] / distances[0] == pytest.approx(1 / 4, rel=0.1)
    assert distances[2] / distances[1] == pytest.approx(8 / 30, rel=0.1)


@pytest.mark.parametrize("of", ["price", "quantity"])
def test_the_sato_vartia_limit_is_what_small_values_go_to(of):
    def index(d):
        return bilateral_index([2, 5], [3, 6], [10, 4], [12, d], formula="sato_vartia", of=of).value

    distances = [abs(index(d) - index(0.0)) for d in (1e-20, 1e-80, 1e-300)]
    assert distances[1] / distances[0] == pytest.approx(1 / 4, rel=0.1)
    assert distances[2] / distances[1] == pytest.approx(8 / 30, rel=0.1)


@pytest.mark.parametrize("formula", ["sato_vartia", "montgomery_vartia"])
def test_factor_reversal_holds_at_the_limit(formula):
    data = [2.0, 5.0, np.nan], [3.0, np.nan, 7.0], [10.0, 4.0, 0.0], [12.0, 0.0, 1.0]
    price, quantity = both(data, formula)
    assert price * quantity == pytest.approx((36 + 7) / (20 + 20), rel=1e-14)


def test_two_factors_at_zero_have_no_limit():
    with pytest.raises(MethodError, match="price of item 1") as caught:
        decompose([2, 5], [3, 0], [10, 4], [12, 0])
    assert caught.value.where == "method"
    assert "defined here: bennet, laspeyres, paasche" in str(caught.value)
    with pytest.raises(MethodError, match="no one limit"):
        lmdi(pd.DataFrame([[1, 2], [3, 4]]), pd.DataFrame([[1, 2], [0, 0]]))


VANISHED = [2.0, 5.0], [3.0, np.nan], [10.0, 4.0], [12.0, 0.0]
APPEARED = [2.0, np.nan], [3.0, 5.0], [10.0, 0.0], [12.0, 4.0]


@pytest.mark.parametrize(
    ("data", "of", "defined"),
    [
        (VANISHED, "price", {"paasche", "sato_vartia", "montgomery_vartia"}),
        (VANISHED, "quantity", {"laspeyres", "sato_vartia", "montgomery_vartia"}),
        (APPEARED, "price", {"laspeyres", "sato_vartia", "montgomery_vartia"}),
        (APPEARED, "quantity", {"paasche", "sato_vartia", "montgomery_vartia"}),
    ],
)
def test_an_index_that_needs_an_unknown_price_is_refused_with_those_that_do_not(data, of, defined):
    for formula in ALL:
        if formula in defined:
            assert bilateral_index(*data, formula=formula, of=of).value > 0
        else:
            with pytest.raises(MethodError, match="not defined") as caught:
                bilateral_index(*data, formula=formula, of=of)
            assert caught.value.where == "formula"
            assert set(caught.value.remedy.split(": ")[1].split(";")[0].split(", ")) == defined


@pytest.mark.parametrize(
    ("data", "defined"),
    [(VANISHED, {"lmdi", "montgomery", "paasche"}), (APPEARED, {"lmdi", "montgomery", "laspeyres"})],
)
def test_a_method_that_needs_an_unknown_price_is_refused_with_those_that_do_not(data, defined):
    for method in METHODS:
        if method in defined:
            assert sum(decompose(*data, method=method).effects.values()) == pytest.approx(
                np.nansum(np.multiply(data[1], data[3])) - np.nansum(np.multiply(data[0], data[2]))
            )
        else:
            with pytest.raises(MethodError, match="needs the price"):
                decompose(*data, method=method)


@pytest.mark.parametrize("formula", ALL)
def test_nothing_traded_in_a_period_has_no_price_index(formula):
    with pytest.raises(MethodError, match="not defined"):
        bilateral_index([1, 2], [np.nan, np.nan], [3, 4], [0, 0], formula=formula)


# Series


def test_absent_rows_are_refused_zero_or_left_out():
    frame = ARTIFICIAL.query("not (period == 3 and item == 6)")
    with pytest.raises(MethodError, match=r"1 pairs .* 3, 6;") as caught:
        index_series(frame)
    assert caught.value.where == "frame"
    with pytest.raises(MethodError, match="not defined"):
        index_series(frame, absent="zero")
    whole = index_series(frame, formula="sato_vartia", absent="zero", chained=True)
    assert whole.frame["items"].tolist() == [6, 6, 6, 6, 6]
    assert "limit" in whole.assumptions[-1]
    matched = index_series(frame, absent="match", chained=True)
    assert matched.frame["items"].tolist() == [6, 6, 5, 5, 6]
    assert "leaves out" in matched.assumptions[-1]
    five = ARTIFICIAL.query("item != 6")
    expected = bilateral_index(*sides(five, 2, 3)).value
    assert matched.frame["link"][2] == pytest.approx(expected, rel=1e-14)


def test_a_period_that_shares_no_item_cannot_be_matched():
    frame = pd.DataFrame({"period": [1, 2], "item": ["ore", "coal"], "price": [1.0, 2.0], "quantity": [3.0, 4.0]})
    with pytest.raises(MethodError, match="nothing was traded in both of 1, 2"):
        index_series(frame, absent="match")


def test_rows_may_come_item_by_item_and_columns_have_any_name():
    frame = ARTIFICIAL.sort_values(["item", "period"]).rename(columns={"price": "usd_per_tonne", "item": "good"})
    result = index_series(frame, item="good", price="usd_per_tonne")
    assert result.value == index_series(ARTIFICIAL).value
    assert result.n == 6
    assert result.summary().set_index("fact")["value"]["5 (1 = 1)"] == "1.071"


@pytest.mark.parametrize(
    ("change", "where", "words"),
    [
        (lambda f: f.iloc[:0], "frame", "no rows"),
        (lambda f: f.rename(columns={"price": "cost"}), "price", "no column 'price'"),
        (lambda f: f.iloc[::-1], "period", "not ascending"),
        (lambda f: f[f["period"] == 1], "period", "fewer than two"),
        (lambda f: pd.concat([f, f.tail(1)]), "period", "5, 6 has two rows"),
        (lambda f: f.assign(item=f["item"].where(f["item"] != 2)), "item", "a row has none"),
        (lambda f: f.assign(price=f["price"].where(f["item"] != 2)), "price", "at 1, 2 is missing"),
        (lambda f: f.assign(quantity=f["quantity"].where(f["item"] != 2)), "quantity", "at 1, 2 is missing"),
        (lambda f: f.assign(price=-f["price"]), "price", "negative"),
        (lambda f: f.assign(quantity=np.inf), "quantity", "infinite"),
        (lambda f: f.assign(price="dear"), "price", "numbers"),
    ],
)
def test_bad_frames_are_refused(change, where, words):
    with pytest.raises(MethodError, match=words) as caught:
        index_series(change(ARTIFICIAL))
    assert caught.value.where == where
    assert caught.value.remedy


def test_terms_of_trade_are_export_over_import_prices():
    years = pd.Index([2014, 2015, 2016])
    result = terms_of_trade(pd.Series([100.0, 80, 50], years), pd.Series([2.0, 1, 1], years))
    assert result.frame["index"].tolist() == [1, 1.6, 1]
    assert result.frame["export_price"].tolist() == [1, 0.8, 0.5]
    assert result.frame["period"].tolist() == [2014, 2015, 2016]
    assert result.value == 1
    with pytest.raises(MethodError, match="zero"):
        terms_of_trade([1, 0], [1, 1])
    with pytest.raises(MethodError, match="unsorted"):
        terms_of_trade(pd.Series([1, 2], [2015, 2014]), pd.Series([1, 2], [2015, 2014]))
    with pytest.raises(MethodError, match="index") as caught:
        terms_of_trade(pd.Series([1, 2], [2014, 2015]), pd.Series([1, 2], [2015, 2016]))
    assert caught.value.where == "import_price"


# Arguments

GOOD = {"price_0": [1.0, 2.0], "price_1": [2.0, 2.0], "quantity_0": [3.0, 4.0], "quantity_1": [5.0, 6.0]}


@pytest.mark.parametrize("function", [bilateral_index, decompose])
@pytest.mark.parametrize(
    ("where", "bad", "words"),
    [
        ("price_0", [np.nan, 2.0], "no price"),
        ("quantity_1", [np.nan, 2.0], "missing"),
        ("quantity_0", [-1.0, 2.0], "negative"),
        ("price_1", [1.0, -2.0], "negative"),
        ("price_1", [1.0, np.inf], "infinite"),
        ("price_1", [1.0], "shape"),
        ("quantity_1", [[1.0, 2.0]], "shape"),
        ("price_0", [], "shape"),
        ("price_0", ["a", "b"], "numbers"),
    ],
)
def test_bad_figures_are_refused(function, where, bad, words):
    with pytest.raises(MethodError, match=words) as caught:
        function(**{**GOOD, where: bad})
    assert caught.value.remedy
    if words != "shape":
        assert caught.value.where == where


@pytest.mark.parametrize("function", [bilateral_index, decompose])
def test_series_in_another_order_are_refused(function):
    ordered = {name: pd.Series(side, ["ore", "coal"]) for name, side in GOOD.items()}
    function(**ordered)
    with pytest.raises(MethodError, match="index") as caught:
        function(**{**ordered, "quantity_1": ordered["quantity_1"].iloc[::-1]})
    assert caught.value.where == "quantity_1"


@pytest.mark.parametrize(
    ("call", "where"),
    [
        (lambda: bilateral_index(**GOOD, formula="fischer"), "formula"),
        (lambda: bilateral_index(**GOOD, of="value"), "of"),
        (lambda: index_series(ARTIFICIAL, absent="skip"), "absent"),
        (lambda: decompose(**GOOD, method="shapley"), "method"),
        (lambda: decompose(**GOOD, method="paasche", mix=True), "method"),
        (lambda: decompose(**GOOD, form="log"), "form"),
        (lambda: decompose(**GOOD, method="bennet", form="multiplicative"), "form"),
        (lambda: decompose([1], [np.nan], [1], [0], form="multiplicative"), "form"),
        (lambda: decompose([1], [np.nan], [1], [0], mix=True), "mix"),
        (lambda: lmdi(pd.DataFrame([[1, 2]]), pd.DataFrame([[1]])), "factors_1"),
        (lambda: lmdi(pd.DataFrame(), pd.DataFrame()), "factors_1"),
        (lambda: lmdi(pd.DataFrame([[1, 2]]), pd.DataFrame([[1, -2]])), "factors_1"),
        (lambda: lmdi(pd.DataFrame([[1, np.nan]]), pd.DataFrame([[1, 2]])), "factors_0"),
        (
            lambda: unit_values(ARTIFICIAL, "price", "quantity", value_unit="a", quantity_unit="b", missing="no"),
            "missing",
        ),
    ],
)
def test_bad_choices_and_tables_are_refused(call, where):
    with pytest.raises(MethodError) as caught:
        call()
    assert caught.value.where == where


# Unit values

SHIPMENTS = pd.DataFrame(
    {
        "value_usd": [74597753.0, 100.0, 0.0, np.nan, 50.0],
        "tonnes": [1410531.655, np.nan, 0.0, 4.0, 5.0],
        "unit": ["tonne", None, "tonne", "tonne", "tonne"],
    },
    index=list("abcde"),
)


def test_unit_values_are_never_divided_by_nothing():
    result = unit_values(SHIPMENTS, "value_usd", "tonnes", value_unit="usd", quantity_unit="tonne", missing="mark")
    assert result.column == "unit_value_usd_per_tonne"
    assert result.unit == "usd per tonne"
    assert result.frame["status"].tolist() == ["computed", "no quantity", "zero quantity", "no value", "computed"]
    assert result.frame[result.column].isna().tolist() == [False, True, True, True, False]
    assert result.frame[result.column]["a"] == pytest.approx(52.8863, abs=5e-5)
    assert (result.n, result.marked) == (2, 3)
    assert "status" not in SHIPMENTS
    assert result.summary().set_index("fact")["value"]["lowest"] == "10"


@pytest.mark.parametrize(
    ("rows", "where", "words"),
    [("b", "quantity", "no quantity"), ("c", "quantity", "zero"), ("d", "value", "no value")],
)
def test_rows_that_cannot_be_divided_are_refused_by_default(rows, where, words):
    with pytest.raises(MethodError, match=f"row {rows} has {words}") as caught:
        unit_values(SHIPMENTS.loc[["a", rows]], "value_usd", "tonnes", value_unit="usd", quantity_unit="tonne")
    assert caught.value.where == where


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda f: f.assign(tonnes=-f["tonnes"]), "quantity"),
        (lambda f: f.assign(value_usd=-f["value_usd"]), "value"),
        (lambda f: f.assign(unit=["tonne", "kg", "tonne", "kg", "kg"]), "quantity_unit"),
        (lambda f: f.assign(unit=None), "quantity_unit"),
        (lambda f: f.assign(status=1), "frame"),
        (lambda f: f.rename(columns={"tonnes": "tons"}), "quantity"),
        (lambda f: f.iloc[:0], "frame"),
    ],
)
def test_bad_shipments_are_refused(change, where):
    with pytest.raises(MethodError) as caught:
        unit_values(change(SHIPMENTS), "value_usd", "tonnes", value_unit="usd", quantity_unit="unit", missing="mark")
    assert caught.value.where == where


def test_the_unit_may_come_from_a_column():
    result = unit_values(SHIPMENTS, "value_usd", "tonnes", value_unit="usd", quantity_unit="unit", missing="mark")
    assert result.unit == "usd per tonne"


# One product

ORE_2016, ORE_2017 = (74597753.0, 1410531.655), (103370110.0, 1656533.57)


def test_iron_ore_between_2016_and_2017():
    result = price_volume(
        ORE_2016[0], ORE_2017[0], quantity_0=ORE_2016[1], quantity_1=ORE_2017[1], periods=("2016", "2017")
    )
    unit_value = ORE_2016[0] / ORE_2016[1], ORE_2017[0] / ORE_2017[1]
    expected = exact_price_effect(*unit_value, ORE_2016[1], ORE_2017[1])
    assert result.change == 28772357
    assert result.price_effect == pytest.approx(expected, rel=1e-12)
    assert result.price_effect + result.volume_effect == pytest.approx(result.change, rel=1e-12)
    assert result.price_share == pytest.approx(0.5072, abs=5e-5)
    assert result.price_ratio == pytest.approx(1.1799, abs=5e-5)
    assert result.volume_ratio == pytest.approx(1.1744, abs=5e-5)
    assert result.price_source == "unit value"
    assert result.n == 1
    assert result.frame["share"].sum() == pytest.approx(2)
    facts = result.summary().set_index("fact")["value"]
    assert facts["periods"] == "2016 to 2017"
    assert facts["change, USD"] == "28,772,357"
    assert facts["share of price in the change"] == "50.7 %"


@pytest.mark.parametrize("method", METHODS)
def test_with_a_benchmark_volume_is_deflated_value(method):
    result = price_volume(200.0, 70.0, price_0=97, price_1=58, price_source="the ore benchmark", method=method)
    assert result.volume_ratio == pytest.approx(70 / 200 / (58 / 97))
    assert result.price_effect + result.volume_effect == pytest.approx(-130)
    assert any("the ore benchmark" in note and "deflated" in note for note in result.assumptions)
    other = price_volume(200.0, 70.0, price_0=9.7, price_1=5.8, method=method)
    assert other.price_effect == pytest.approx(result.price_effect), "only the ratio of prices may matter"


def test_trade_that_stops_is_all_volume():
    result = price_volume(ORE_2017[0], 0, quantity_0=ORE_2017[1], quantity_1=0, periods=("2017", "2018"))
    assert (result.price_effect, result.volume_effect, result.price_share) == (0, -ORE_2017[0], 0)
    assert (result.price_ratio, result.volume_ratio) == (None, 0)
    assert "Nothing was traded in 2018." in result.assumptions
    benchmark = price_volume(ORE_2017[0], 0, price_0=70, price_1=69)
    assert (benchmark.price_effect, benchmark.volume_effect) == (0, -ORE_2017[0])
    started = price_volume(0, 5, quantity_0=0, quantity_1=1)
    assert (started.price_effect, started.volume_effect, started.volume_ratio) == (0, 5, None)
    with pytest.raises(MethodError, match="defined here: lmdi, montgomery, paasche"):
        price_volume(ORE_2017[0], 0, quantity_0=ORE_2017[1], quantity_1=0, method="bennet")


def test_opposite_effects_and_no_change_are_said():
    opposite = price_volume(100, 110, quantity_0=10, quantity_1=20)
    assert opposite.price_share < 0
    assert "opposite" in opposite.assumptions[-1]
    still = price_volume(100, 100, quantity_0=10, quantity_1=20)
    assert still.price_share is None
    assert still.frame["share"].isna().all()
    assert still.summary()["value"].str.contains("no change").any()


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({}, "price_0"),
        ({"price_0": 1, "price_1": 2, "quantity_0": 1, "quantity_1": 2}, "price_0"),
        ({"quantity_0": 1}, "quantity_1"),
        ({"quantity_1": 1}, "quantity_0"),
        ({"price_0": 1, "price_1": 0}, "price_1"),
        ({"quantity_0": 0, "quantity_1": 1}, "quantity_0"),
        ({"quantity_0": np.nan, "quantity_1": 1}, "quantity_0"),
        ({"quantity_0": 1, "quantity_1": -1}, "quantity_1"),
    ],
)
def test_one_product_needs_one_good_pair(arguments, where):
    with pytest.raises(MethodError) as caught:
        price_volume(10, 20, **arguments)
    assert caught.value.where == where
    assert caught.value.remedy


def test_one_product_needs_a_value():
    with pytest.raises(MethodError, match="nothing was traded"):
        price_volume(0, 0, quantity_0=0, quantity_1=0)
    with pytest.raises(MethodError, match="one is needed"):
        price_volume([1, 2], [2, 3], quantity_0=[1, 1], quantity_1=[1, 1])
    with pytest.raises(MethodError, match="where the value is 0") as caught:
        price_volume(10, 0, quantity_0=1, quantity_1=1)
    assert caught.value.where == "quantity_1"


# Results


def test_decompositions_print_their_parts():
    goods = {name: pd.Series(side, ["ore", "coal"]) for name, side in GOOD.items()}
    result = decompose(**goods, unit="USD")
    shares = result.shares
    assert shares["price"] + shares["quantity"] == pytest.approx(1)
    assert result.summary()["part"].tolist() == ["price effect", "quantity effect", "change, USD"]
    assert result.frame.columns.tolist() == ["value_0", "value_1", "price_effect", "quantity_effect"]
    assert result.frame.index.tolist() == ["ore", "coal"]
    ratio = decompose(**goods, form="multiplicative")
    assert ratio.summary()["part"].iloc[-1] == "ratio of values"
    assert sum(ratio.shares.values()) == pytest.approx(1)
    assert decompose([1], [2], [2], [1]).shares == {"price": None, "quantity": None}
