"""Trade without sanctions: what the tables say, and that altered tables would turn the verdict on the cause."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import altered
from musan import banned_goods, claims, mirror, without_sanctions
from musan.errors import EvidenceError, MethodError
from musan.rules import Verdict

DRAWS = {"paths": 2, "seed": 1}
QUICK = without_sanctions.Design(model="drift", prices=False)  # the model that is quickest to fit


def verdict(design: without_sanctions.Design = QUICK, **windows: str) -> str:
    found = without_sanctions.gap(design, simulations=200, **DRAWS)
    ranked = without_sanctions.placebos(design, least_months=24, **DRAWS)
    return without_sanctions.verdict(found, ranked, **windows)


def period_of(row: dict[str, str]) -> str:
    return row.get("month") or row.get("period_start") or row.get("year") or ""


def is_total_value(row: dict[str, str]) -> bool:
    product = row.get("product") or {"TOTAL": "total"}.get(row.get("hs_code", ""), "")
    return product == "total" and row.get("measure", "value") == "value"


def scaled(factor_of):
    """A change to all totals: imports times a factor by period, rates and sums dropped where it is not one."""

    def change(row: dict[str, str]) -> dict[str, str] | None:
        factor = factor_of(period_of(row))
        if factor == 1 or not is_total_value(row):
            return None
        if row.get("flow", "china_imports") not in ("china_imports", "exports"):
            return {"basis": "claim"} if row["flow"] == "total" else None  # sums of both flows no longer hold
        amount = "value_usd" if "value_usd" in row else "value"
        update = {amount: f"{float(row[amount]) * factor:.4f}".rstrip("0").rstrip(".")} if row[amount] else {}
        return update | ({"yoy_pct": ""} if row.get("yoy_pct") else {})

    return change


TRADE = ("trade_monthly", "trade_cumulative", "trade_annual", "imports_from_dprk_by_product_china")


# The committed tables


def test_the_last_month_before_each_measure_comes_from_its_record():
    found = {name: str(without_sanctions.last_month_before(name)) for name in without_sanctions.INSTRUMENTS}
    assert found == {
        "full_ban": "2017-08",
        "coal_suspension": "2017-01",
        "coal_cap": "2016-12",
        "first_ban": "2016-03",
    }


def test_no_figure_from_after_the_measure_reaches_the_months_before():
    last = pd.Period("2017-08", "M")
    known = without_sanctions.rebuilt_before(last)
    assert (known.statements["end"] <= last).all()
    assert known.frame["month"].max() == last
    assert known.n < without_sanctions.rebuilt_before(last, "all").n


def test_later_figures_do_not_move_the_forecast(tmp_path, monkeypatch):
    before = without_sanctions.gap(QUICK, simulations=200, **DRAWS)
    later = scaled(lambda period: 1 if period < "2018" else 4)
    altered.tables(dict.fromkeys(TRADE, later), tmp_path, monkeypatch)
    after = without_sanctions.gap(QUICK, simulations=200, **DRAWS)
    assert after.expected == before.expected
    assert after.observed == pytest.approx(4 * before.observed, rel=0.1)


def test_paths_stay_above_zero_and_agree_with_the_figures_known_by_then():
    paths = without_sanctions.paths_before(QUICK, 20, 1)
    assert paths.shape == (20, 56)
    assert (paths.to_numpy() > 0).all()
    known = without_sanctions.rebuilt_before(QUICK.last_before).series(mirror.IMPORTS)
    sure = known.index[known["sd"] < 3]
    assert len(sure) >= 5
    assert (paths[sure].mean() - known.loc[sure, "mean"]).abs().max() < 3


def test_too_few_positive_paths_are_refused(monkeypatch):
    monkeypatch.setattr(without_sanctions, "LEAST_SHARE", 0.99)
    with pytest.raises(MethodError, match="only 0 of 80 paths up to 2017-08 stay above zero"):
        without_sanctions.paths_before(QUICK, 2, 1)


def test_the_gap_is_what_came_against_the_forecast():
    found = without_sanctions.gap(QUICK, simulations=400, paths=4, seed=1)
    assert found.low_pct < found.effect_pct < found.high_pct < -50
    assert found.effect_pct == pytest.approx(100 * (found.observed / found.expected - 1), abs=2)
    assert list(found.path["month"].astype(str))[::9] == ["2017-09", "2018-06"]
    assert found.path["observed"].tail(6).sum() == pytest.approx(found.observed)
    assert (found.n, found.slopes, found.failed) == (56, {}, 0)


def test_placebo_windows_lie_as_far_ahead_and_end_before_the_measure():
    ranked = without_sanctions.placebos(QUICK, least_months=24, **DRAWS)
    others = ranked.frame[~ranked.frame["true"]]
    assert (ranked.count, len(others), ranked.failed) == (23, 23, 0)
    assert (others["window_end"] <= QUICK.last_before).all()
    assert {(row.window_start - row.last_before).n for row in ranked.frame.itertuples()} == {5}
    assert {(row.window_end - row.last_before).n for row in ranked.frame.itertuples()} == {10}
    assert others["last_before"].min() == pd.Period("2014-12", "M")
    assert 1 < ranked.apart < 6
    # China's halt of coal shows as a gap at the last placebo dates, and the clean ones lie nearer to zero.
    assert others["effect_pct"].tail(3).max() < others.loc[~others["after_first_ban"], "effect_pct"].min()


def test_the_rank_is_the_worst_over_paths():
    dates = without_sanctions.placebo_dates(QUICK, least_months=24)[:2]
    drawn = without_sanctions.paths_before(QUICK, 2, 1)
    low = np.full((2, 10), drawn.to_numpy().mean())
    expected = dict.fromkeys([*dates, QUICK.last_before], low)
    assert without_sanctions._ranked(QUICK, drawn, expected, dates, 1).rank == 1
    # In one path of one placebo, the forecast is so high that the gap is larger than the true one.
    expected[dates[0]] = low * np.array([[1.0], [1000.0]])
    assert without_sanctions._ranked(QUICK, drawn, expected, dates, 1).rank == 2


def test_windows_that_stand_apart_share_no_month():
    starts = [pd.Period("2015-01", "M") + offset for offset in (0, 1, 5, 6, 7, 12, 20)]
    assert list(without_sanctions._apart(starts, 6)) == [True, False, False, True, False, True, True]
    assert list(without_sanctions._apart(starts[::-1], 6)) == [True, True, False, True, False, False, True]
    assert list(without_sanctions._apart([], 6)) == []


def test_the_verdicts_on_the_committed_tables():
    assert verdict() == verdict(without_sanctions.Design()) == Verdict.CAVEATS.value
    assert verdict(windows="overlapping") == Verdict.SUPPORTED.value


def test_without_placebo_dates_the_verdict_is_at_best_with_caveats():
    far = without_sanctions.Design("first_ban", "drift", prices=False)
    ranked = without_sanctions.placebos(far, least_months=24, **DRAWS)
    assert (ranked.count, ranked.apart) == (0, 0)
    found = without_sanctions.gap(QUICK, simulations=200, **DRAWS)
    assert without_sanctions.verdict(found, ranked) == Verdict.CAVEATS.value


def test_a_few_specifications_hold_all_choices_once(monkeypatch):
    some = without_sanctions.CHOICES | {"measure": ("full_ban",), "model": ("drift",)}
    monkeypatch.setattr(without_sanctions, "CHOICES", some)
    runs = without_sanctions.specifications(paths=2, simulations=200, seed=1, least_months=24)
    assert len(runs) == 8
    assert not runs.duplicated(list(some)).any()
    placebos = runs.groupby(["horizon", "placebo_windows"])["placebos"].unique().map(list)
    assert placebos["first_half", "overlapping"] == [23]
    assert placebos["year", "overlapping"] == [17]
    assert placebos["year", "apart"] <= placebos["first_half", "apart"] == [4]
    alone = without_sanctions.gap(QUICK, paths=2, simulations=200, seed=1)
    row = runs[~runs["prices"] & (runs["horizon"] == "first_half")].iloc[0]
    assert row["effect_pct"] == pytest.approx(alone.effect_pct, abs=3)


def test_goods_under_a_ban_vanish_and_the_two_others_grow():
    goods = banned_goods.changes(2016).set_index("hs_code")
    assert (goods.loc[list(banned_goods.BANNED), "change_pct"] < -99.9).all()
    assert goods.loc["6704", "change_pct"] == pytest.approx(100 * (22382754 / 2085393 - 1))
    assert goods["before"].sum() == pytest.approx(2537.313613)
    assert banned_goods.unbanned_share_pct(2016) == pytest.approx(100 * (2.085393 + 5.75633) / 2537.313613)
    test = banned_goods.against_unbanned(2016, seed=1)
    assert (test.permutations, test.n, test.banned) == (21, 7, 5)
    assert test.p_value == pytest.approx(1 / 21)


def test_prices_and_tonnage_add_up_to_the_change_to_2016():
    share = banned_goods.price_share(mirror.rebuild(), draws=300, seed=1)
    assert share.change_low < share.change < share.change_high < 0
    parts = [name for name in share.frame if name.endswith("_effect")]
    assert share.frame[parts].sum(axis=1).to_numpy() == pytest.approx(np.full(len(share.frame), share.change))
    own = share.frame[share.frame["coal_price"] == "own"]
    assert (own["coal_price_effect"] < 0).all()
    assert (own["coal_volume_effect"] > 0).all()


# Altered tables


def test_imports_that_recovered_would_contradict_the_cause(tmp_path, monkeypatch):
    recovered = scaled(lambda period: 20 if period >= "2018" else 1)
    altered.tables(dict.fromkeys(TRADE, recovered), tmp_path, monkeypatch)
    assert verdict() == Verdict.CONTRADICTED.value


def test_imports_that_fell_by_less_than_half_would_leave_it_mixed(tmp_path, monkeypatch):
    milder = scaled(lambda period: 6 if period >= "2018" else 1)
    altered.tables(dict.fromkeys(TRADE, milder), tmp_path, monkeypatch)
    assert verdict() == Verdict.MIXED.value


def test_an_effect_no_larger_than_at_placebo_dates_is_mixed(tmp_path, monkeypatch):
    # Trade fell by four fifths at the start of 2016 too, without the measure.
    dip = scaled(lambda period: 0.2 if "2016" <= period < "2017-07" else 1)
    altered.tables(dict.fromkeys(TRADE, dip), tmp_path, monkeypatch)
    ranked = without_sanctions.placebos(QUICK, least_months=24, **DRAWS)
    assert ranked.rank > 2
    found = without_sanctions.gap(QUICK, simulations=200, **DRAWS)
    # Whatever the interval: here it is put where it does not decide.
    measured = without_sanctions.measures(found, ranked, "overlapping") | {"effect_high_pct": -60.0}
    assert claims.decide("exports_fell_90", "attribution", measured).verdict is Verdict.MIXED
    assert claims.decide("exports_fell_90", "attribution", measured | {"placebo_rank": 1}).verdict is Verdict.SUPPORTED


def test_a_later_measure_moves_the_forecast_with_it(tmp_path, monkeypatch):
    def later(row):
        return {"effective_from": "2017-12-05"} if row["instrument"] == "UNSCR 2371" else None

    altered.tables({"sanction_events": later}, tmp_path, monkeypatch)
    assert str(QUICK.last_before) == "2017-11"
    assert without_sanctions.gap(QUICK, simulations=200, **DRAWS).expected < 1000


def test_a_measure_that_is_not_on_record_is_named(monkeypatch):
    monkeypatch.setitem(without_sanctions.INSTRUMENTS, "full_ban", "UNSCR 9999")
    with pytest.raises(EvidenceError, match="no event is named 'UNSCR 9999'"):
        without_sanctions.last_month_before("full_ban")


def test_unbanned_goods_that_vanish_too_would_end_the_contrast(tmp_path, monkeypatch):
    def vanish(row):
        gone = row["year"] == "2018" and row["hs_code"] in banned_goods.UNBANNED
        return {"value_usd": "0", "quantity": ""} if gone else None

    def kept(row):
        went_on = row["year"] == "2018" and row["hs_code"] == "2701"
        return vanish(row) or ({"value_usd": "1186694713"} if went_on else None)

    altered.tables({"imports_from_dprk_by_product_china": kept}, tmp_path, monkeypatch)
    goods = banned_goods.changes(2016).groupby("group")[["before", "after"]].sum()
    assert goods.loc["not banned", "after"] == 0
    assert goods.loc["banned", "after"] > 1000
