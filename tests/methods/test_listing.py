"""help(musan.methods) lists what there is: each name exists, and no public function of a listed module is left out."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

import musan.methods

LISTING = musan.methods.__doc__ or ""
ROWS = re.findall(r"^  (\w+(?:, \w+)?) {2,}(.+(?:\n {10,}.+)*)$", LISTING, flags=re.MULTILINE)
MODULES = {name for _, name, _ in pkgutil.iter_modules(musan.methods.__path__)}


def words(text):
    return set(re.findall(r"\w+", text))


def test_every_module_is_listed():
    assert words(LISTING) >= MODULES
    assert len(LISTING.splitlines()) <= 50


@pytest.mark.parametrize(("modules", "listed"), ROWS)
def test_every_public_function_of_a_listed_module_is_listed(modules, listed):
    for name in modules.split(", "):
        module = importlib.import_module(f"musan.methods.{name}")
        public = {
            key
            for key, thing in vars(module).items()
            if callable(thing)
            and not isinstance(thing, type)
            and not key.startswith("_")
            and thing.__module__ == module.__name__
        }
        assert public - INNER.get(name, set()) <= words(listed)


@pytest.mark.parametrize(("modules", "listed"), ROWS)
def test_every_listed_name_exists(modules, listed):
    found = [vars(importlib.import_module(f"musan.methods.{name}")) for name in modules.split(", ")]
    heads = re.sub(r"\([^)]*\)", "", listed)
    for name in re.findall(r"[a-zA-Z]\w*", re.sub(r":[^;]*", "", heads)):
        assert any(name in names for names in found), name


# Shared with a neighbouring module, not for readers.
INNER = {
    "reconcile": {"lacking"},
    "attendance": {"shares_frame"},
    "workplace": {"refuse_unknown", "within", "lines", "intervals", "chosen_shares", "as_arrays"},
}
