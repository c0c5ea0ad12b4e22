"""Executed notebooks as web pages, one each and an index: single files that a strict policy lets through."""
