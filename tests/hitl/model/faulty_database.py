"""The database's store with faults; apart, since it needs Django."""

from __future__ import annotations

from hitl.checkpoint.database import DatabaseSaver
from tests.hitl.model.faults import Faults


class FaultyDatabase(Faults, DatabaseSaver):
    pass
