"""When China's imports broke: the tests on the committed tables, on altered ones, and on planted series."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

import altered
from musan import mirror, trade_breaks
from musan.errors import MethodError
from musan.trade_breaks import KnownMonths

BOOTSTRAP = {"replications": 299, "seed": 1}
MONTHS = pd.period_range("2016-04", "2018-12", freq="M")
DECEMBER = pd.Period("2017-12")


def series(after: float = 200.0, *, last: pd.Period = DECEMBER) -> KnownMonths:
    """Return months around 200 that differ by chance, and around ``after`` when ``last`` is over."""
    noise = np.random.default_rng(4).normal(0, 0.05, len(MONTHS))
    level = np.where(last < MONTHS, after, 200.0)
    return KnownMonths(imports=pd.Series(level * np.exp(noise), index=MONTHS), printed=len(MONTHS))


@cache
def committed() -> KnownMonths:
    return trade_breaks.known_months(mirror.rebuild())


@cache
def undated() -> pd.DataFrame:
    return trade_breaks.undated(committed(), mirror.rebuild(), **BOOTSTRAP).set_index(["scale", "way"])


# What is known


def test_the_known_months_are_the_longest_run_that_figures_pin_down():
    known, rebuilt = committed(), mirror.rebuild().series(mirror.IMPORTS)
    assert (str(known.imports.index[0]), str(known.imports.index[-1])) == ("2016-04", "2018-12")
    inside = rebuilt.loc[known.imports.index]
    assert ((inside["high"] - inside["low"]) / 2 <= trade_breaks.KNOWN_WITHIN * inside["mean"]).all()
    # March 2016 is filled in, January 2019 too.
    assert (rebuilt["sd"] / rebuilt["mean"])[["2016-03", "2019-01"]].gt(0.1).all()
    assert 25 <= known.printed < len(known.imports)


def test_figures_taken_out_of_the_tables_shorten_the_run(tmp_path, monkeypatch):
    def doubted(row):
        return {"basis": "claim"} if "2016-04" <= row["month"] <= "2017-03" else None

    altered.tables({"trade_monthly": doubted}, tmp_path, monkeypatch)
    known = trade_breaks.known_months(mirror.rebuild())
    assert len(known.imports) < len(committed().imports)
    assert known.imports.index[-1] == pd.Period("2018-12")


def test_no_known_month_is_refused(monkeypatch):
    monkeypatch.setattr(trade_breaks, "KNOWN_WITHIN", 0.0)
    with pytest.raises(MethodError, match=r"no month is known .* add figures on single months"):
        trade_breaks.known_months(mirror.rebuild())


def test_too_few_months_are_refused_not_forced():
    known = committed()
    short = KnownMonths(imports=known.imports[: trade_breaks.SHORTEST - 1], printed=0)
    with pytest.raises(MethodError, match="15 observations are too few"):
        trade_breaks.number_of_breaks(short, **BOOTSTRAP)


# Dates of measures


def test_measures_of_one_month_are_one_date_and_late_ones_count_from_the_next():
    dates = trade_breaks.measure_dates(committed()).set_index("last_month")["measures"]
    assert "Chinese notice suspending coal" in dates[pd.Period("2017-02")]  # 19 February: most of it was free
    assert dates[pd.Period("2017-08")] == ("UNSCR 2371", "UNSCR 2375")  # 5 and 11 September
    assert dates[DECEMBER] == ("UNSCR 2397", "Chinese notice implementing 2397")  # 22 December, 6 January
    assert dates.index.is_unique
    assert not any("MOFCOM" in name for names in dates for name in names)


def test_a_measure_moved_in_the_table_moves_its_date(tmp_path, monkeypatch):
    def later(row):
        return {"effective_from": "2018-03-05"} if row["instrument"] == "UNSCR 2371" else None

    known = committed()
    altered.tables({"sanction_events": later}, tmp_path, monkeypatch)
    dates = trade_breaks.measure_dates(known).set_index("last_month")["measures"]
    assert dates[pd.Period("2018-02")] == ("UNSCR 2371",)
    assert dates[pd.Period("2017-08")] == ("UNSCR 2375",)


# Tests


def test_a_planted_shift_is_found_at_its_date():
    known = series(20.0)
    each = trade_breaks.at_each_date(known, **BOOTSTRAP)
    for _, part in each.groupby("scale"):
        assert part.loc[part["statistic"].idxmax(), "date"] == DECEMBER
        assert part.loc[part["rank"] == 1, "date"].item() == DECEMBER
        assert part.set_index("date").loc[DECEMBER, "p_value"] < 0.05
    dated = trade_breaks.dated(each, trade_breaks.measure_dates(known)).set_index("last_month").loc[DECEMBER]
    assert dated["change_usd_million"] == pytest.approx(-180, abs=10)
    assert (dated["rank_dollars"], dated["rank_logarithm"]) == (1, 1)
    counted = trade_breaks.number_of_breaks(known, **BOOTSTRAP).set_index("scale")
    assert counted.loc["logarithm", "sequential"] == 1
    assert counted.loc["logarithm", "dates"] == (DECEMBER,)


def test_a_planted_shift_is_found_without_a_date():
    found = trade_breaks.undated(series(20.0), mirror.rebuild(), **BOOTSTRAP)
    found = found[~found["way"].isin([trade_breaks.SMOOTH, trade_breaks.DRAWN])]
    assert (found["date"] == DECEMBER).all()
    assert (found["p_value"] < 0.05).all()
    # The limit distribution has no lower quantile where the noise of one regime is nothing to the other's.
    assert (found["low"].dropna() <= DECEMBER).all()
    assert (found["high"] >= DECEMBER).all()


def test_a_series_without_a_break_gives_none():
    known = series(200.0)
    found = trade_breaks.undated(known, mirror.rebuild(), **BOOTSTRAP)
    own = found[~found["way"].isin([trade_breaks.SMOOTH, trade_breaks.DRAWN])]
    assert (own["p_value"] > 0.05).all()
    counted = trade_breaks.number_of_breaks(known, **BOOTSTRAP)
    assert (counted["sequential"] == 0).all()


def test_steps_planted_at_the_three_measures_are_told_apart():
    steps = trade_breaks.steps(committed(), **BOOTSTRAP)
    level = 200.0 + sum(np.where(last < MONTHS, -50.0, 0.0) for last in steps["last_month"])
    noise = np.random.default_rng(4).normal(0, 1, len(MONTHS))
    known = KnownMonths(imports=pd.Series(level + noise, index=MONTHS), printed=len(MONTHS))
    found = trade_breaks.steps(known, **BOOTSTRAP)
    assert found["change_usd_million"].to_numpy() == pytest.approx([-50, -50, -50], abs=3)
    assert (found["usd_high"] < 0).all()
    assert found["change_pct"].to_numpy() == pytest.approx([-25, -100 / 3, -50], abs=3)
    moved = trade_breaks.steps(known, later=1, **BOOTSTRAP)
    assert list((moved["last_month"] - steps["last_month"]).map(lambda gap: gap.n)) == [0, 1, 0]


# The committed tables


def test_the_break_of_the_committed_tables():
    dollars, logarithm = (undated().loc[(scale, trade_breaks.KNOWN)] for scale in trade_breaks.SCALES)
    assert (str(dollars["date"]), str(logarithm["date"])) == ("2017-09", "2017-11")
    # The table is far too sure, in either scale.
    assert max(dollars["p_table"], logarithm["p_table"]) < 1e-10
    assert 0.01 < logarithm["p_value"] < dollars["p_value"] < 0.15


def test_filled_in_months_make_the_break_look_surer_than_known_ones():
    for scale in trade_breaks.SCALES:
        known, smooth, drawn = (
            undated().loc[(scale, way)] for way in (trade_breaks.KNOWN, trade_breaks.SMOOTH, trade_breaks.DRAWN)
        )
        assert drawn["p_value"] < known["p_value"]
        assert smooth["effective_n"] < drawn["effective_n"]


def test_what_is_uncertain_about_known_months_hardly_moves_the_date():
    left = trade_breaks.uncertainty(committed(), mirror.rebuild(), seed=1)
    assert (left["same_date"] > 0.8).all()
    assert (left["p_low"] <= left["p_value"]).all()
    assert (left["p_value"] <= left["p_high"]).all()


def test_a_long_memory_raises_the_share_of_false_alarms():
    short, long = (trade_breaks.false_alarms([0.05, 1.0], months=33, memory=memory, seed=1) for memory in (0.0, 1.0))
    assert short[0] < 0.12 < long[0]
    assert short[1] == long[1] == 1.0


def test_nearness_to_a_measure_is_held_against_chance():
    known = series(20.0)
    dates = pd.DataFrame({"last_month": [DECEMBER], "measures": [("ban",)]})
    found = pd.Series({"date": DECEMBER + 1, "low": DECEMBER, "high": DECEMBER + 2})
    near = trade_breaks.nearest(found, known, dates)
    tried = len(MONTHS) - 2 * trade_breaks.margin(known) + 1
    assert (near.months, near.inside) == (1, (DECEMBER,))
    assert near.chance == pytest.approx(3 / tried)


def test_a_missing_limit_is_said():
    found = pd.Series({"low": pd.NaT, "high": DECEMBER}, dtype=object)
    assert trade_breaks.interval_words(found) == "no limit to December 2017"


def test_p_values_in_words():
    assert [trade_breaks.p_words(p) for p in (0.0634, 0.001, 0.0004)] == ["0.063", "0.001", "below 0.001"]
