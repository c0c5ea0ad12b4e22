"""The run-down of reserves, held against a plain loop in R and closed forms."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from musan.errors import MethodError
from musan.methods.ranges import Range
from musan.methods.reserves import Flow, import_cover, published_pairs, run_down

PATHS = pd.read_csv(Path(__file__).parents[1] / "reference" / "reserves" / "paths.csv")


def loss(low, high=None, **options):
    return Flow("loss", Range(low, low if high is None else high), "out", **options)


def run(stock, flows, end="2026-12", n=4000, seed=1):
    return run_down(stock, flows, start="2016-12", end=end, n=n, seed=seed)


# One path


@pytest.mark.parametrize("row", list(PATHS.itertuples()), ids=lambda row: f"case {row.case}")
def test_a_path_is_that_of_a_plain_loop(row):
    flows = [
        Flow(f"net {year}", Range(*(2 * [getattr(row, f"year_{year}")])), "in", 2016 + year, 2016 + year)
        for year in range(1, 5)
    ]
    result = run(Range(row.stock, row.stock), flows, end="2020-12", n=3)
    assert result.months_of_cover.tolist() == pytest.approx([row.months] * 3)
    for month in (6, 12, 18, 24, 30, 36, 48):
        assert result.frame["median"][month] == pytest.approx(getattr(row, f"stock_{month}"), abs=1e-8)
        assert result.frame["share_exhausted"][month] == (row.months <= month)


def test_a_constant_loss_lasts_stock_over_loss():
    result = run(Range(3000, 3000), [loss(1250)], n=1)
    assert result.months_of_cover[0] == pytest.approx(12 * 3000 / 1250)
    assert result.share_exhausted_by("2019-04") == 0
    assert result.share_exhausted_by("2019-05") == 1  # month 28.8 is the 29th


def test_a_stock_that_ends_with_the_year_is_exhausted_that_year():
    result = run(Range(4000, 4000), [loss(1000)], n=1)
    assert result.months_of_cover[0] == pytest.approx(48)
    assert result.share_exhausted_by("2020-12") == 1
    assert result.share_exhausted_by("2020-11") == 0


def test_a_stock_that_grows_is_never_exhausted():
    result = run(Range(1000, 2000), [loss(100), Flow("exports", Range(150, 300), "in")])
    assert np.isinf(result.months_of_cover).all()
    assert "more than 120 months" in result.statement("2020-12")


def test_an_empty_stock_is_exhausted_at_once():
    result = run(Range(0, 0), [loss(100)], n=2)
    assert result.months_of_cover.tolist() == [0, 0]
    assert result.share_exhausted_by("2016-12") == 1


# Distributions


def test_a_uniform_stock_gives_uniform_cover():
    result = run(Range(2000, 6000), [loss(1000)], n=20_000)
    cover = result.months_of_cover
    assert cover.mean() == pytest.approx(48, abs=4 * cover.std() / np.sqrt(20_000))
    assert stats.kstest(cover, stats.uniform(24, 48).cdf).pvalue > 0.001
    assert result.share_exhausted_by("2019-12") == pytest.approx(0.25, abs=0.015)
    quantiles = dict(result.cover().to_numpy().tolist())
    assert quantiles["median"] == pytest.approx(48, abs=0.7)


def test_a_uniform_loss_gives_its_share_of_paths():
    # 4,000 gone within five years: a yearly loss of at least 800, from 500 to 1,500.
    result = run(Range(4000, 4000), [loss(500, 1500)], n=20_000)
    assert result.share_exhausted_by("2021-12") == pytest.approx(0.7, abs=0.015)
    assert result.months_of_cover.median() == pytest.approx(48, abs=0.7)


def test_years_drawn_anew_average_out():
    once, yearly = (run(Range(20_000, 20_000), [loss(500, 1500, varies=kind)]) for kind in ("once", "yearly"))
    spread = [result.frame["p95"][96] - result.frame["p05"][96] for result in (once, yearly)]
    assert spread[1] < 0.5 * spread[0]
    assert yearly.frame["median"][96] == pytest.approx(12_000, abs=60)


def test_flows_have_their_years_and_directions():
    flows = [loss(1200), Flow("exports", Range(600, 600), "in", last_year=2017)]
    result = run(Range(3000, 3000), flows, end="2018-12", n=1)
    assert result.frame["median"][12] == pytest.approx(2400)
    assert result.frame["median"][24] == pytest.approx(1200)
    assert result.draws.iloc[0].to_dict() == pytest.approx({"stock": 3000, "loss": -1200, "exports": 300})


def test_part_of_a_year_counts_by_month():
    result = run_down(Range(1000, 1000), [loss(1200)], start="2017-03", end="2017-06", n=1, seed=1)
    assert result.frame["median"].tolist() == pytest.approx([1000, 900, 800, 700])


def test_paths_are_seeded():
    first, again, other = (run(Range(2000, 6000), [loss(500, 1500)], seed=seed, n=50) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first.frame, again.frame)
    assert not first.draws.equals(other.draws)


@given(st.floats(0, 1e4), st.floats(1, 5e3), st.integers(1, 100))
def test_the_share_exhausted_is_that_of_covers_that_ended(stock, yearly, months):
    result = run(Range(stock, stock), [loss(yearly)], n=1)
    when = pd.Period("2016-12", "M") + months
    cover = 12 * stock / yearly
    if abs(cover - months) > 1e-6:
        assert result.share_exhausted_by(when) == (cover < months)


def test_words_are_conditional():
    result = run(Range(2000, 6000), [loss(1000)], n=2000)
    words = result.statement("2020-12")
    assert words.startswith("If the stock at the end of 2016-12")
    assert "of the simulated paths" in words
    for text in (words, " ".join(result.summary()["fact"])):
        assert "probab" not in text


# Published pairs


STOCKS = pd.DataFrame(
    {
        "stock": ["minimum", "upper bound", "after 2018"],
        "date": ["2016-12", "2016-12", "2018-12"],
        "usd_million": [4000, 10600, 2500],
    }
)
LOSSES = pd.DataFrame({"loss": ["a billion", "two billion", "a gain"], "usd_million_per_year": [1000, 2000, -200]})


def test_pairs_are_stock_over_loss():
    result = published_pairs(STOCKS, LOSSES, by="2020-12")
    assert result.n == 9
    grid = result.grid()
    assert grid.index.tolist() == STOCKS["stock"].tolist()
    expected = [[48, 24, np.inf], [127.2, 63.6, np.inf], [30, 15, np.inf]]
    np.testing.assert_allclose(grid.to_numpy(), expected)
    rows = result.frame.set_index(["stock", "loss"])
    assert str(rows.loc[("minimum", "a billion"), "exhausted_in"]) == "2020-12"
    assert str(rows.loc[("after 2018", "two billion"), "exhausted_in"]) == "2020-03"
    assert pd.isna(rows.loc[("minimum", "a gain"), "exhausted_in"])
    assert rows["exhausted"].tolist() == [True, True, False, False, False, False, False, True, False]
    assert result.share_exhausted == pytest.approx(3 / 9)


def test_pairs_speak_in_conditions():
    rows = published_pairs(STOCKS, LOSSES, by="2020-12").frame
    assert rows["statement"][0] == (
        "If the stock at the end of 2016-12 was 4,000 million dollars (minimum) and 1,000 million a year was lost"
        " (a billion), it lasted 48 months, to 2020-12."
    )
    assert rows["statement"][2].endswith("200 million a year was gained (a gain), it was never exhausted.")


def test_an_empty_stock_and_no_loss():
    stocks = pd.DataFrame({"stock": ["none", "some"], "date": ["2018-12"] * 2, "usd_million": [0, 100]})
    losses = pd.DataFrame({"loss": ["none"], "usd_million_per_year": [0]})
    frame = published_pairs(stocks, losses, by="2020-12").frame
    assert frame["months"].tolist() == [0, np.inf]
    assert frame["exhausted"].tolist() == [True, False]
    assert frame["statement"][1].endswith("and nothing was lost (none), it was never exhausted.")


def test_pairs_agree_with_paths():
    pairs = published_pairs(STOCKS, LOSSES, by="2020-12").frame
    for row in pairs[pairs["usd_million_per_year"] > 0].itertuples():
        flows, stock = [loss(row.usd_million_per_year)], Range(row.usd_million, row.usd_million)
        path = run_down(stock, flows, start=row.date, end="2030-12", n=1, seed=1)
        assert path.months_of_cover[0] == pytest.approx(row.months)
        assert (path.share_exhausted_by("2020-12") == 1) == row.exhausted


# Import cover


def test_import_cover():
    cover = import_cover((3000, 7000), (2400, 3000))
    assert (cover.low, cover.high) == pytest.approx((12, 35))
    assert import_cover(2600, 2600).low == 12


# What can't be used


@pytest.mark.parametrize(
    ("call", "where"),
    [
        (lambda: Flow("x", Range(0, 1), "up"), "direction"),
        (lambda: Flow("x", Range(0, 1), "in", varies="daily"), "varies"),
        (lambda: Flow("x", Range(0, 1), "in", 2018, 2017), "first_year"),
        (lambda: run(Range(-1, 1), [loss(1)]), "stock_usd_million"),
        (lambda: run(Range(0, 1), []), "flows"),
        (lambda: run(Range(0, 1), [loss(1), loss(2)]), "flows"),
        (lambda: run(Range(0, 1), [loss(1, last_year=2015)]), "flows"),
        (lambda: run(Range(0, 1), [loss(1)], end="2016-12"), "end"),
        (lambda: run(Range(0, 1), [loss(1)], end="soon"), "end"),
        (lambda: run(Range(0, 1), [loss(1)], end=None), "end"),
        (lambda: run(Range(0, 1), [loss(1)], end="2020"), "end"),
        (lambda: run(Range(0, 1), [loss(1)], end=2020), "end"),
        (lambda: run(Range(0, 1), [loss(1)], n=0), "n"),
        (lambda: run(Range(0, 1), [loss(1)]).share_exhausted_by("2030-01"), "month"),
        (lambda: published_pairs(STOCKS.drop(columns="date"), LOSSES, by="2020-12"), "stocks"),
        (lambda: published_pairs(STOCKS.assign(date=None), LOSSES, by="2020-12"), "stocks"),
        (lambda: published_pairs(STOCKS.assign(usd_million=-1), LOSSES, by="2020-12"), "stocks"),
        (lambda: published_pairs(STOCKS.assign(stock="same"), LOSSES, by="2020-12"), "stocks"),
        (lambda: published_pairs(STOCKS, LOSSES, by="2017-12"), "stocks"),
        (lambda: published_pairs(STOCKS, LOSSES.assign(usd_million_per_year=np.nan), by="2020-12"), "losses"),
        (lambda: published_pairs(STOCKS, LOSSES.rename(columns={"loss": "l"}), by="2020-12"), "losses"),
        (lambda: published_pairs(STOCKS, LOSSES.head(0), by="2020-12"), "losses"),
        (lambda: import_cover(-1, 100), "stock_usd_million"),
        (lambda: import_cover(100, 0), "imports_usd_million_per_year"),
        (lambda: import_cover((200, 100), 10), "stock_usd_million"),
    ],
)
def test_bad_arguments_are_named_with_a_remedy(call, where):
    with pytest.raises(MethodError) as caught:
        call()
    assert caught.value.where == where
    assert caught.value.remedy


def test_results_print():
    results = [
        run(Range(2000, 6000), [loss(1000)], n=50),
        published_pairs(STOCKS, LOSSES, by="2020-12"),
        import_cover((3000, 7000), 2600),
    ]
    for result in results:
        assert result.n >= 1
        assert len(result.frame) >= 1
        assert list(result.summary().columns) == ["fact", "value"]
        assert result.assumptions
