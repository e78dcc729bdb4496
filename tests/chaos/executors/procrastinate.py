from __future__ import annotations

from hitl.executors import procrastinate
from tests.chaos.executors import Unreliable


class Procrastinate(Unreliable, procrastinate.Procrastinate):
    pass
