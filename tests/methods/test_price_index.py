"""A price index from irregular reports, held against closed forms, another package and simulations."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import approx_fprime
from statsmodels.regression.mixed_linear_model import MixedLM

from musan.errors import MethodError
from musan.methods import price_index as price_index_module
from musan.methods.price_index import price_index


def reports(price, period, place=None, article=None):
    n = len(price)
    return pd.DataFrame(
        {
            "price": price,
            "period": period,
            "place": place or [f"place {i}" for i in range(n)],
            "article": article or [f"article {i}" for i in range(n)],
        }
    )


def drawn(seed, *, sd_place=0.2, sd_article=0.2, sd_report=0.1, periods=6, articles=18, size=4):
    """Reports in articles, each article in one period and of several places, from a level that rises by a tenth."""
    generator = np.random.default_rng(seed)
    places = generator.normal(0, sd_place, 8)
    rows = []
    for article in range(articles):
        period, shock = article % periods, generator.normal(0, sd_article)
        for place in generator.choice(8, size, replace=False):
            log = 1 + 0.1 * period + places[place] + shock + generator.normal(0, sd_report)
            rows.append((np.exp(log), f"{period}", f"p{place}", f"a{article}"))
    return pd.DataFrame(rows, columns=["price", "period", "place", "article"])


def test_reports_that_share_nothing_give_geometric_means():
    index = price_index(reports([1, 4, 10, 1000], ["a", "a", "b", "b"]))
    np.testing.assert_allclose(index.frame["level"], [2, 100], rtol=1e-6)
    assert index.frame["reports"].tolist() == [2, 2]


def test_a_change_is_between_mean_logs_of_periods():
    index = price_index(reports([1, 1, 4, 4, 9, 9.001], list("aabbcc")))
    assert index.change(["a", "b"], ["c"]).pct == pytest.approx(350, rel=1e-3)
    assert index.change(["a"], ["a"]).pct == 0


def test_ten_prices_of_one_article_are_not_ten_articles():
    one = drawn(1, sd_place=0.01, sd_article=0.4, sd_report=0.05)
    index = price_index(one)
    assert index.articles == 18
    assert index.effective_n < 30 < index.n == 72
    alone = price_index(one.assign(article=[f"{i}" for i in range(72)]))
    assert (index.frame["high"] / index.frame["low"]).min() > (alone.frame["high"] / alone.frame["low"]).max()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_levels_and_spreads_are_those_of_another_package(seed):
    rows = drawn(seed)
    index = price_index(rows)
    model = MixedLM.from_formula(
        "np.log(price) ~ 0 + period",
        rows,
        groups=np.ones(len(rows)),
        vc_formula={"place": "0 + C(place)", "article": "0 + C(article)"},
    ).fit(reml=True)
    np.testing.assert_allclose(np.log(index.frame["level"]), model.fe_params, atol=2e-3)
    theirs = dict(zip(model.model.exog_vc.names, np.sqrt(model.vcomp), strict=True))
    assert index.sd_place == pytest.approx(theirs["place"], abs=0.01)
    assert index.sd_article == pytest.approx(theirs["article"], abs=0.01)
    assert index.sd_report == pytest.approx(np.sqrt(model.scale), abs=0.005)


@pytest.mark.parametrize("theta", [(-1.0, -1.0), (0.0, -8.0), (-8.0, 0.0), (2.0, -3.0)])
def test_the_slopes_of_the_likelihood_are_those_of_its_values(theta):
    rows = drawn(4)
    logs, labels = np.log(rows["price"].to_numpy()), rows["period"].to_numpy()
    design = (labels[:, None] == np.unique(labels)).astype(float)
    same = [price_index_module._same(rows[column]) for column in ("place", "article")]

    def criterion(logs_of_ratios):
        return price_index_module._fit(np.exp(logs_of_ratios), logs, design, same).criterion

    slopes = price_index_module._fit(np.exp(theta), logs, design, same).slopes
    np.testing.assert_allclose(slopes, approx_fprime(np.array(theta), criterion, 1e-6), atol=1e-4)


def test_nine_intervals_in_ten_hold_the_true_change():
    truth, held = 100 * np.expm1(0.3), 0
    for seed in range(30):
        change = price_index(drawn(seed)).change(["0", "1"], ["3", "4"])
        held += change.low_pct <= truth <= change.high_pct
    assert 23 <= held <= 30


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="article"), "lacks the column 'article'"),
        (lambda f: f.assign(price=0), "out of range"),
        (lambda f: f.assign(period=[str(i) for i in range(len(f))]), "use longer periods"),
    ],
)
def test_what_cannot_be_indexed_is_refused(change, message):
    with pytest.raises(MethodError, match=message):
        price_index(change(drawn(0)))


def test_a_period_without_a_report_is_named():
    index = price_index(drawn(0))
    assert not index.has(["0", "9"])
    with pytest.raises(MethodError, match="no report in 9"):
        index.change(["0"], ["9"])
