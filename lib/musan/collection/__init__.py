"""Notebooks as files: run them, read what they showed, export pages and an index.

Nothing in here knows economics; notebooks are named, run and read, whatever they are about.
"""
