"""The queue on the embedded tier's database."""

from __future__ import annotations

from bench import pages

TITLE = "The queue with a million questions, on SQLite"
NOTE = pages.NOTE
measure = pages.measure
