"""A printed figure becomes a statement with the precision it was printed at, and no figure is counted twice."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musan.errors import MethodError
from musan.methods import statements
from musan.methods.statements import half_width

MONTHS = pd.period_range("2016-01", "2018-12", freq="M")
month = st.sampled_from(list(MONTHS))


def frame(rows):
    """Return rows of (first, last, value, basis, yoy_pct) as a table would hold them."""
    out = pd.DataFrame(rows, columns=["first", "last", "value", "basis", "yoy_pct"])
    out["first"], out["last"] = ([pd.Period(text) for text in out[name]] for name in ("first", "last"))
    return out.assign(source_id=[f"source-{i}" for i in range(len(out))])


def levels(rows, series="a"):
    return statements.levels(frame(rows), start="first", end="last", series=series)


def rates(rows, series="a"):
    return statements.rates(frame(rows), start="first", end="last", series=series)


# The precision of a printed figure


@given(st.decimals(-10_000, 10_000, places=3), st.integers(0, 3), st.floats(-0.999, 0.999))
def test_whatever_lies_within_the_half_width_rounds_to_the_printed_figure(true, places, share):
    printed = float(round(true, places))
    width = half_width(printed)
    # A printed 12.30 reads back as 12.3, so the digits can be fewer than were printed, never more.
    decimals = -Decimal(str(width)).adjusted() - 1
    assert decimals <= places
    assert width == pytest.approx(0.5 * 10.0**-decimals)
    assert round(printed + share * width, decimals) == pytest.approx(printed, abs=1e-9)


@pytest.mark.parametrize(
    ("value", "basis", "width"),
    [
        (184.85, "reported", 0.005),
        (210, "reported", 0.5),
        (0, "reported", 0.5),
        (0, "rounded", 0.5),
        (-23.6, "reported", 0.05),
        (1670, "rounded", 5),
        (1671, "rounded", 0.5),
        (200, "rounded", 10),  # to hundreds would be 50, a quarter of the figure: never looser than 5 %
        (3000, "rounded", 150),
        (7, "rounded", 0.5),
        (13.6, "rounded", 0.05),
        (210, "derived", 1),
        (12.25, "derived", 0.01),
        (100.25, "implied", 2.005),
        (3, "implied", 0.5),
        (210, "estimate", 0.5),
        (241.93, "claim", 0.005),
    ],
)
def test_the_basis_says_how_a_figure_was_printed(value, basis, width):
    assert half_width(value, basis) == pytest.approx(width)


@given(st.integers(1, 99_999), st.integers(0, 3))
def test_a_rounded_figure_is_as_loose_as_its_zeros_but_not_looser_than_a_twentieth(digits, zeros):
    value = digits * 10**zeros
    width = half_width(value, "rounded")
    assert 0.5 <= width <= max(statements.COARSEST * value, 0.5)
    assert width >= half_width(value, "reported")


@given(st.floats(0, 1e6), st.sampled_from(["reported", "rounded", "derived", "implied", "estimate", "claim"]))
def test_sign_does_not_matter_and_no_figure_is_exact(value, basis):
    assert half_width(-value, basis) == half_width(value, basis) > 0
    assert half_width(value, "derived") == 2 * half_width(value, "reported")
    assert half_width(value, "implied") >= statements.IMPLIED_HALF_WIDTH * value


# Levels and rates


def test_a_level_keeps_its_period_and_its_words():
    table = frame([("2018-01", "2018-06", 1_110.0, "rounded", None), ("2017", "2017", 1720, "reported", None)])
    table = table.assign(note=["half", None], method=[pd.NA, "yoy"], flow=["exports", "imports"])
    out = statements.levels(table, start="first", end="last", series={"exports": "x", "imports": "m"})
    assert list(out.columns) == statements.COLUMNS
    assert list(out["series"]) == ["x", "m"]
    assert list(out["start"]) == [pd.Period("2018-01"), pd.Period("2017-01")]
    assert list(out["end"]) == [pd.Period("2018-06"), pd.Period("2017-12")]
    assert list(out["kind"]) == ["level", "level"]
    assert out["rate"].isna().all()
    assert list(out["half_width"]) == [5, 0.5]
    assert list(out["method"]) == ["", "yoy"]
    assert list(out["note"]) == ["half", ""]
    assert list(out["source_id"]) == ["source-0", "source-1"]


def test_a_rate_has_the_rounding_of_the_percentage():
    out = rates([("2018-05", "2018-05", 110.0, "reported", 10.0), ("2018-06", "2018-06", 60, "reported", None)])
    assert len(out) == 1
    assert out["rate"].iloc[0] == 0.1
    assert out["kind"].iloc[0] == "rate"
    # 10 % is printed to half a percent: of the 100 of the year before, that is 0.5.
    assert out["half_width"].iloc[0] == pytest.approx(0.5)


def test_a_fall_by_all_of_it_is_a_rate_too():
    out = rates([("2018-05", "2018-05", 0.0, "reported", -100.0)])
    assert out["rate"].iloc[0] == -1
    assert np.isfinite(out["half_width"].iloc[0])
    assert len(statements.drop_reprints(pd.concat([out, out], ignore_index=True))[0]) == 1


@pytest.mark.parametrize(("first", "value"), [("2018-01", np.nan), (None, 10.0)])
def test_a_row_without_value_or_period_is_refused(first, value):
    table = frame([("2018-01", "2018-01", value, "reported", None)])
    table.loc[0, "first"] = None if first is None else pd.Period(first)
    with pytest.raises(MethodError, match="frame: has rows without a period or a value"):
        statements.levels(table, start="first", end="last", series="a")


# Weights

paths = st.lists(st.floats(0.5, 1000), min_size=2 * len(MONTHS), max_size=2 * len(MONTHS)).map(np.array)
spans = st.tuples(month, month).map(sorted)


@settings(max_examples=40)
@given(paths, st.lists(st.tuples(spans, st.sampled_from(["a", "b", "a+b"])), min_size=1, max_size=6))
def test_the_weights_of_a_level_give_the_sum_of_its_months(path, asked):
    both = {"a": pd.Series(path[: len(MONTHS)], MONTHS), "b": pd.Series(path[len(MONTHS) :], MONTHS)}
    sums = [sum(both[name][first:last].sum() for name in series.split("+")) for (first, last), series in asked]
    table = frame([(str(a), str(b), total, "reported", None) for ((a, b), _), total in zip(asked, sums, strict=True)])
    table["flow"] = [series for _, series in asked]
    out = statements.levels(table, start="first", end="last", series={name: name for name in ("a", "b", "a+b")})
    weights, right = statements.design(out, ["a", "b"], MONTHS)
    assert weights.shape == (len(asked), 2 * len(MONTHS))
    np.testing.assert_allclose(weights @ path, sums, rtol=1e-12)
    np.testing.assert_allclose(right, sums, rtol=1e-12)
    assert set(np.unique(weights)) <= {0.0, 1.0}


@settings(max_examples=40)
@given(paths, st.lists(st.tuples(spans, st.sampled_from(["a", "b", "a+b"])), min_size=1, max_size=6))
def test_the_weights_of_an_exact_rate_give_nothing(path, asked):
    asked = [((first, last), series) for (first, last), series in asked if first >= MONTHS[12]]
    both = {"a": pd.Series(path[: len(MONTHS)], MONTHS), "b": pd.Series(path[len(MONTHS) :], MONTHS)}
    rows = []
    for (first, last), series in asked:
        now, ago = (sum(both[name][first - lag : last - lag].sum() for name in series.split("+")) for lag in (0, 12))
        rows.append((str(first), str(last), now, "reported", 100 * (now / ago - 1)))
    table = frame(rows)
    table["flow"] = [series for _, series in asked]
    out = statements.rates(table, start="first", end="last", series={name: name for name in ("a", "b", "a+b")})
    weights, right = statements.design(out, ["a", "b"], MONTHS)
    np.testing.assert_allclose(weights @ path, 0, atol=1e-9 * path.sum())
    assert not right.any()


def test_a_rate_over_more_than_a_year_counts_a_month_on_both_sides():
    out = rates([("2017-01", "2018-12", 48.0, "reported", 100.0)])
    weights, _ = statements.design(out, ["a"], MONTHS)
    assert list(np.unique(weights[0, :12])) == [-2]
    assert list(np.unique(weights[0, 12:24])) == [-1]
    assert list(np.unique(weights[0, 24:])) == [1]


def test_a_statement_on_an_unknown_series_or_month_is_refused():
    with pytest.raises(MethodError, match="statements: speaks of an unknown series 'c'; known: a, b"):
        statements.design(levels([("2018-01", "2018-01", 1, "reported", None)], "a+c"), ["a", "b"], MONTHS)
    for first, last in (("2015-12", "2016-01"), ("2018-12", "2019-01")):
        with pytest.raises(MethodError, match=f"a statement on {first} to {last} lies outside the months"):
            statements.design(levels([(first, last, 1, "reported", None)]), ["a"], MONTHS)
    with pytest.raises(MethodError, match="a statement on 2015-06 to 2015-06 lies outside"):
        statements.design(rates([("2016-06", "2016-06", 1, "reported", 5)]), ["a"], MONTHS)


def test_inside_keeps_what_the_months_can_say():
    spans = [
        ("2015-12", "2015-12"), ("2015-12", "2016-01"), ("2016-01", "2016-12"), ("2017-01", "2018-12"),
        ("2018-12", "2019-01"), ("2018", "2018"),
    ]  # fmt: skip
    rows = [(first, last, 10, "reported", 5) for first, last in spans]
    kept = statements.inside(pd.concat([levels(rows), rates(rows)], ignore_index=True), MONTHS)
    assert list(zip(kept["kind"], kept["source_id"], strict=True)) == [
        ("level", "source-2"), ("level", "source-3"), ("level", "source-5"),
        ("rate", "source-3"), ("rate", "source-5"),
    ]  # fmt: skip
    statements.design(kept, ["a"], MONTHS)
    assert len(statements.inside(kept.head(0), MONTHS)) == 0


# Reprints


def reprints(rows, series="a"):
    out = levels(rows, series)
    kept, dropped = statements.drop_reprints(out)
    assert dropped == len(out) - len(kept)
    return list(kept["value"])


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([(1720.0, "rounded"), (1722.48, "reported")], [1722.48]),
        ([(1722.48, "reported"), (1720.0, "rounded"), (1660.0, "rounded")], [1722.48, 1660.0]),
        ([(210.0, "reported"), (210.0, "reported"), (210.0, "reported")], [210.0]),
        ([(210.0, "reported"), (211.0, "reported")], [210.0]),  # half a unit each: they can be one figure
        ([(210.0, "reported"), (211.1, "reported")], [210.0, 211.1]),
        ([(47.09, "claim"), (47.1, "reported")], [47.1]),  # a doubted figure never stands in for a printed one
        ([(47.09, "claim"), (39.0, "reported")], [47.09, 39.0]),
        ([(0.0, "reported"), (0.3, "reported")], [0.3]),
    ],
)
def test_the_most_precise_of_equal_figures_is_kept(values, kept):
    assert reprints([("2018-01", "2018-06", value, basis, None) for value, basis in values]) == kept


def test_figures_on_other_things_are_no_reprints():
    rows = [
        ("2018-01", "2018-06", 100.0, "reported", 5),
        ("2018-01", "2018-07", 100.0, "reported", None),
        ("2017-12", "2018-06", 100.0, "reported", None),
    ]
    table = frame([*rows, rows[0]]).assign(flow=["a", "a", "a", "b"])
    names = {"a": "a", "b": "b"}
    both = [make(table, start="first", end="last", series=names) for make in (statements.levels, statements.rates)]
    kept, dropped = statements.drop_reprints(pd.concat(both, ignore_index=True))
    assert (len(kept), dropped) == (6, 0)


def test_rates_are_reprints_when_the_rates_are():
    # 10 % and 10.3 % of a year-ago level of 100 agree within half a point; 10 % and 11 % do not.
    def count(*percentages):
        out = rates([("2018-05", "2018-05", 110.0, "reported", percentage) for percentage in percentages])
        return list(statements.drop_reprints(out)[0]["rate"] * 100)

    assert count(10, 10.3) == pytest.approx([10.3])
    assert count(10, 12) == pytest.approx([10, 12])


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(90, 110), st.sampled_from(["reported", "claim"])), min_size=1, max_size=8))
def test_what_is_dropped_agrees_with_something_kept_and_order_stays(values):
    out = levels([("2018-01", "2018-01", float(value), basis, None) for value, basis in values])
    kept, dropped = statements.drop_reprints(out)
    assert len(kept) + dropped == len(out)
    assert list(kept["source_id"]) == [source for source in out["source_id"] if source in set(kept["source_id"])]
    for row in out.itertuples():
        near = kept[(kept["value"] - row.value).abs() <= kept["half_width"] + row.half_width]
        assert len(near) > 0
        if row.basis == "reported":
            assert set(near["basis"]) != {"claim"}
    assert statements.drop_reprints(kept)[1] == 0


def test_nothing_to_drop_in_nothing():
    kept, dropped = statements.drop_reprints(levels([("2018-01", "2018-01", 1, "reported", None)]).head(0))
    assert (len(kept), dropped) == (0, 0)
