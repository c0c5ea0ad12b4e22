"""The MIME types under which an executed notebook keeps figures and its answer."""

from __future__ import annotations

FIGURE = "application/vnd.musan.figure+json"
ANSWER = "application/vnd.musan.answer+json"
