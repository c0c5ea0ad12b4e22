import pandas as pd
import pytest

from musan.refresh import sources
from refresh.services import QUICK, Server


@pytest.fixture
def server():
    with Server().running() as running:
        yield running


@pytest.fixture
def fetch(server, tmp_path, monkeypatch):
    """Refresh one source from the server into a store of its own, with little patience."""
    for name in ("COMTRADE_API_KEY", "ECOS_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    def refreshed(source, since="2018-01", path="", patience=QUICK):
        monkeypatch.setenv(f"MUSAN_{source.upper()}_URL", f"{server.url}{path}")
        month = pd.Period(since, "M")
        return sources.refresh(sources.SOURCES[source], tmp_path / "vintages", month, lambda *_: None, patience)

    refreshed.store = tmp_path / "vintages"
    return refreshed
