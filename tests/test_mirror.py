"""What China records of its trade with the DPRK: the right rows become statements, and the rebuilt months hold."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

import evidence_folder
from musan import evidence, mirror
from musan.errors import MethodError
from musan.methods import reconcile

PRODUCTS = ["total", "iron_ore", "coal"]
JUNE = pd.Period("2018-06")
BOTH = "china_imports+china_exports"


@cache
def printed(product):
    return mirror.printed(product)


# Statements


def _is_value(row):
    zero = row["measure"] == "quantity" and float(row["value"]) == 0
    return zero or (row["measure"] == "value" and row["unit"] == "usd_million")


def _rows(product):
    """Return the rows of the three trade tables that speak of China, the product and a value, read by hand."""
    for table in ("trade_monthly", "trade_cumulative", "trade_annual"):
        for row in evidence_folder.records(table):
            if row["product"] != product or not _is_value(row) or row["hs_inferred"] == "yes":
                continue
            if row.get("region", "all") != "all" or row.get("partner", "china") != "china":
                continue
            if product != "total" and row["flow"] not in ("china_imports", "exports"):
                continue
            kotra = "kotra" in row["source_id"] and "kotra-beijing" not in row["source_id"]
            with_crude = kotra or "crude" in row["note"].replace("no crude", "").replace("without crude", "")
            since = table == "trade_annual" and int(row["year"]) >= 2014
            if since and with_crude and row["flow"] in ("imports", "total"):
                continue
            yield row


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_figure_becomes_a_level_and_every_rate_a_rate(product):
    rows = list(_rows(product))
    levels = [row for row in rows if not (row["basis"] == "implied" and row["method"] == "yoy")]
    rates = [row for row in rows if row["yoy_pct"]]
    found = printed(product)
    comtrade = found["source_id"] == "un-comtrade-china-imports-from-dprk"
    kinds = found.loc[~comtrade, "kind"].value_counts()
    assert (kinds["level"], kinds["rate"]) == (len(levels), len(rates))
    values = sorted(float(row["value"]) for row in levels)
    assert sorted(found.loc[~comtrade & (found["kind"] == "level"), "value"]) == values
    assert sorted(found.loc[found["kind"] == "rate", "rate"]) == pytest.approx(
        sorted(float(row["yoy_pct"]) / 100 for row in rates)
    )


@pytest.mark.parametrize(("product", "heading"), [("total", "TOTAL"), ("iron_ore", "2601"), ("coal", "2701")])
def test_comtrade_gives_yearly_imports_in_millions(product, heading):
    found = printed(product)
    found = found[found["source_id"] == "un-comtrade-china-imports-from-dprk"]
    rows = [
        row
        for row in evidence_folder.records("imports_from_dprk_by_product_china")
        if row["hs_code"] == heading and row["date_inferred"] == "no"
    ]
    assert set(found["series"]) == {mirror.IMPORTS}
    told = dict(zip(found["start"].dt.year.astype(str), found["value"], strict=True))
    assert told == {row["year"]: pytest.approx(float(row["value_usd"]) / 1e6, abs=5e-4) for row in rows}


@pytest.mark.parametrize("product", PRODUCTS)
def test_statements_speak_of_known_series_and_sources(product):
    found = printed(product)
    assert set(found["series"]) == ({mirror.IMPORTS, mirror.EXPORTS, BOTH} if product == "total" else {mirror.IMPORTS})
    assert (found["start"] <= found["end"]).all()
    assert (found["half_width"] > 0).all()
    assert (found.loc[found["kind"] == "level", "value"] >= 0).all()
    assert len(evidence.sources(found)) > 3
    assert not found.duplicated(["series", "start", "end", "kind", "value", "rate", "source_id"]).any()


def test_the_annual_table_is_turned_round():
    # The annual table says "imports" of the DPRK's own, which are China's exports.
    found = printed("total")
    year = found[(found["start"] == pd.Period("2014-01")) & (found["end"] == pd.Period("2014-12"))]
    said = {(row.series, row.value) for row in year.itertuples()}
    assert (mirror.EXPORTS, 3522.52) in said
    assert (BOTH, 6363.63) in said
    assert (mirror.IMPORTS, 2841.48) in said
    assert all(2800 < value < 2900 for series, value in said if series == mirror.IMPORTS)


@pytest.mark.parametrize("value", [4020, 6860, 3230, 5710, 3420, 6050, 2720])
def test_totals_with_estimated_crude_are_left_out(value):
    annual = [row["value"] for row in evidence_folder.records("trade_annual") if row["partner"] == "china"]
    assert str(value) in annual
    assert value not in set(printed("total")["value"])


def test_an_unknown_product_names_the_nearest():
    with pytest.raises(MethodError, match="product: unknown product 'iron ore'; did you mean 'iron_ore'"):
        mirror.printed("iron ore")
    with pytest.raises(MethodError, match="unknown product 'gold'; known: coal, iron_ore, total"):
        mirror.rebuild("gold")


def test_measures_are_those_that_take_effect_in_the_months():
    rows = evidence_folder.records("sanction_events")
    effective = sorted(row["effective_from"][:7] for row in rows if "2013-01" <= row["effective_from"][:7] <= "2019-12")
    found = mirror.measures()
    assert sorted(map(str, found["month"])) == effective
    assert len(effective) > 10


# Rebuilt months


@pytest.mark.parametrize("product", PRODUCTS)
def test_nine_of_ten_figures_lie_where_the_others_say(product):
    # Seen: total 0.85 of 268 figures, iron ore 0.91 of 23, coal 0.96 of 45.
    result = mirror.rebuild(product)
    assert 0.80 <= result.coverage <= 0.97
    assert result.n > 20
    assert 0.2 < result.effective_n / result.n <= 1
    assert mirror.rebuild(product) is result


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_month_has_a_figure_that_is_not_negative(product):
    result = mirror.rebuild(product)
    months = pd.period_range("2013-01", "2019-12", freq="M")
    for name in mirror.SERIES if product == "total" else [mirror.IMPORTS]:
        if name == "total":
            continue
        frame = result.series(name)
        assert list(frame.index) == list(months)
        assert np.isfinite(frame.to_numpy()).all()
        assert (frame["low"] >= 0).all()
        assert (frame["low"] <= frame["mean"]).all()
        assert (frame["mean"] <= frame["high"]).all()


def test_undoubted_months_come_back_near_what_was_printed():
    imports = mirror.rebuild().series(mirror.IMPORTS)
    found = printed("total")
    months = found[(found["start"] == found["end"]) & (found["kind"] == "level") & (found["series"] == mirror.IMPORTS)]
    months = months[(months["basis"] == "reported") & (months["start"] >= pd.Period("2013-01"))]
    assert len(months) > 10
    off = imports.loc[months["start"], "mean"].to_numpy() / months["value"].to_numpy() - 1
    assert np.median(np.abs(off)) < 0.02


def _doubtful_june(result):
    """Return the two figures printed for China's exports of June 2018."""
    rows = result.statements
    rows = rows[(rows["series"] == mirror.EXPORTS) & (rows["start"] == JUNE) & (rows["end"] == JUNE)]
    rows = rows[rows["kind"] == "level"].set_index("value")
    return rows.loc[241.93], rows.loc[204.19]


def test_the_misprint_of_june_2018_is_flagged_and_the_other_figure_holds():
    result = mirror.rebuild()
    misprint, other = _doubtful_june(result)
    assert misprint["role"] == "checked"
    assert misprint["flagged"]
    assert misprint["z"] > 5
    assert not other["flagged"]
    assert result.flagged["value"].iloc[0] == 241.93
    june = result.series(mirror.EXPORTS).loc[JUNE]
    assert june["low"] < 204.19 < june["high"]
    assert june["high"] < 241.93


def test_the_misprint_of_june_2018_is_flagged_even_when_doubted_figures_are_fitted_too():
    measures = set(mirror.measures()["month"])
    result = reconcile.fit(
        printed("total"),
        months=pd.period_range(mirror.FIRST, mirror.LAST, freq="M"),
        series=[mirror.IMPORTS, mirror.EXPORTS],
        events=sorted(measures | {month + 1 for month in measures}),
        check_only=(),
    )
    misprint, other = _doubtful_june(result)
    assert misprint["role"] == "fitted"
    assert misprint["flagged"]
    assert misprint["weight"] < 0.1
    assert not other["flagged"]
    june = result.series(mirror.EXPORTS).loc[JUNE]
    assert june["low"] < 204.19 < june["high"]
    assert 0.80 <= result.coverage <= 0.97


def _year(result, year, series=mirror.IMPORTS):
    paths = result.draws(4000, seed=2014)[series]
    return paths.loc[:, paths.columns.year == year].sum(axis=1)


def test_ore_of_2014_agrees_with_the_article_without_having_seen_it():
    result = mirror.rebuild("iron_ore")
    rows = result.statements
    own = rows[rows["source_id"].str.startswith(evidence.UNDER_TEST)]
    assert set(own["role"]) == {"checked"}
    assert 219.9 in set(own["value"])
    fitted = rows[rows["role"] == "fitted"]
    assert not fitted["value"].between(215, 225).any()
    low, high = _year(result, 2014).quantile([0.05, 0.95])
    assert low < 219.9 < high
    assert high - low < 40
    alone = mirror.printed("iron_ore")
    alone = alone[~alone["source_id"].str.startswith(evidence.UNDER_TEST)]
    assert 219.9 not in set(alone["value"])


def test_ore_stopped_in_october_2017():
    imports = mirror.rebuild("iron_ore").series(mirror.IMPORTS)
    peak = imports["mean"].max()
    assert (imports.loc[["2017-10", "2017-11"], "high"] < 0.05 * peak).all()
    assert (imports.loc["2018-01":"2019-11", "high"] < 0.02 * peak).all()
    assert imports.loc["2017-04", "mean"] == pytest.approx(20.26, rel=0.05)


def test_exports_of_2018_are_about_a_tenth_of_those_of_2017_before_the_bans():
    result = mirror.rebuild()
    assert _year(result, 2018).mean() == pytest.approx(219, rel=0.05)  # customs 213 to 220
    assert _year(result, 2017).mean() == pytest.approx(1720, rel=0.03)


def test_draws_repeat_with_their_seed_and_agree_with_the_months():
    result = mirror.rebuild()
    first, again = (result.draws(2000, seed=3) for _ in range(2))
    other = result.draws(2000, seed=4)
    for name in (mirror.IMPORTS, mirror.EXPORTS):
        pd.testing.assert_frame_equal(first[name], again[name])
        assert not first[name].equals(other[name])
        month = result.series(name)
        far = (month["mean"] > 4 * month["sd"]).to_numpy()  # paths are cut at zero, which shifts months near it
        assert far.mean() > 0.9
        mean, sd = first[name].mean().to_numpy()[far], first[name].std().to_numpy()[far]
        assert (np.abs(mean - month["mean"].to_numpy()[far]) < 0.12 * month["sd"].to_numpy()[far]).all()
        np.testing.assert_allclose(sd, month["sd"].to_numpy()[far], rtol=0.1)
        assert first[name].min().min() >= 0
