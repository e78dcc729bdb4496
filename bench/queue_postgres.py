"""The queue on PostgreSQL."""

from __future__ import annotations

from bench import pages

TITLE = "The queue with a million questions, on PostgreSQL"
NOTE = pages.NOTE
measure = pages.measure
