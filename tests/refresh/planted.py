"""Vintages with known content: a month's trade that is told, and sales to China with a fall or without one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from musan.synthetic_controls import BUYER, COUNTRIES, GOODS, OTHER_BUYERS, TREATED
from refresh.services import baci, comtrade, record

NUMBERS = {name: number for number, name in enumerate(COUNTRIES, start=100)} | {TREATED: 408, BUYER: 156}
CODES = "country_code,country_name,country_iso2,country_iso3\n" + "".join(
    f"{number},{COUNTRIES[name]},{name[:2]},{name}\n" for name, number in NUMBERS.items()
)


def months(imports, exports):
    """Return UN Comtrade with China's monthly imports and exports, each a mapping of months to US dollars."""
    records = [
        record(month.replace("-", ""), flow, "TOTAL", value)
        for flow, values in (("M", imports), ("X", exports))
        for month, value in values.items()
    ]
    years = {month[:4] for month in imports}
    return comtrade(records + [record(year, "M", "TOTAL", 1.0, reporterCode=643) for year in sorted(years)])


def suppliers(years, *, kept=1.0, lacks=(), seed=1):
    """Return BACI's archive in which the DPRK sells like a mix of two others up to 2016, then ``kept`` of that."""
    generator = np.random.default_rng(seed)
    sales = {}
    for good in GOODS:
        donors = [donor for donor in good.donors if donor not in lacks]
        index = pd.Index(years, name="year")
        walks = {
            (donor, buyer): 100 * np.exp(np.cumsum(generator.normal(0.02, 0.12, len(index))))
            for buyer in (BUYER, *OTHER_BUYERS)
            for donor in donors
        }
        wide = pd.DataFrame(walks, index=index)
        mix = 0.6 * wide[donors[-1], BUYER] + 0.4 * wide[donors[-2], BUYER]
        wide[TREATED, BUYER] = mix * np.where(index > 2016, kept, 1.0) + generator.normal(0, 3, len(index))
        sales[good] = wide.clip(lower=0.1)

    def rows(year):
        return [
            f"{year},{NUMBERS[seller]},{NUMBERS[buyer]},{good.products[0].ljust(6, '1')},{value:.3f},1.0"
            for good, wide in sales.items()
            for (seller, buyer), value in wide.loc[year].items()
        ]

    return baci(years, rows=rows, countries=CODES)
