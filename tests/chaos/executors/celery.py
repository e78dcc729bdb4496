from __future__ import annotations

from hitl.executors import celery
from tests.chaos.executors import Unreliable


class Celery(Unreliable, celery.Celery):
    pass
