"""Nudges as messages of Celery, over Redis or RabbitMQ: for many workers on many machines.

A message is sent when the verb's transaction has committed, is acknowledged late, and says nothing but the thread's
id; a lost one is found by the sweep. Each worker process (`manage.py hitl worker`) runs Celery's worker on threads
and beat beside it. Beat's sweeps are done where they fall due rather than sent: as messages they would wait behind
runs that take long, and where several workers have a beat, their sweeps do not get in each other's way. A broker that
is found again may have lost what it held: the next sweep sends it again, however late that would be due.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import cache
from threading import Event, Thread
from typing import Any

from celery import Celery as App
from celery import beat, bootsteps
from celery.concurrency.thread import TaskPool
from celery.worker import WorkController, state
from django.core.checks import CheckMessage, Error

from hitl import conf, discreet
from hitl import sweep as sweeps
from hitl.executors.base import Executor
from hitl.executors.queues import SWEEPS, queue_of
from hitl.worker import Worker

RUN = "hitl.run"
SWEEP = "hitl.sweep"
# A message nobody took for so long is litter: the sweep has sent others meanwhile.
EXPIRES_SECONDS = 3600
# A page waits for the broker when it starts or answers something, so not for long.
SEND_SECONDS = 2.0
AGAIN_SECONDS = 1.0

logger = logging.getLogger(__name__)
_connected = Event()


class Celery(Executor):
    """See the module. Its messages go to `HITL_BROKER_URL`."""

    by_workers = True

    def nudge(self, thread_id: str, *, workflow: str, run_at: datetime | None = None) -> None:
        if run_at is not None:
            # The sweep finds it when it is due. A worker would keep such a message in its memory until then.
            return
        try:
            _app(conf.settings().broker_url).send_task(
                RUN,
                [thread_id],
                queue=queue_of(workflow),
                expires=EXPIRES_SECONDS,
                ignore_result=True,
                retry=True,
                retry_policy={"max_retries": 1, "interval_start": 0, "interval_max": 0},
            )
        except Exception as error:
            logger.warning("Thread %s could not be nudged: %s", thread_id, discreet.plain(error))

    def check(self) -> list[CheckMessage]:
        if conf.settings().broker_url:
            return []
        hint = "Set HITL_BROKER_URL (the desk's own settings take it from REDIS_URL), or another HITL_EXECUTOR."
        return [Error("The Celery executor has no broker", hint=hint, id="hitl.E032")]

    def work(self, worker: Worker) -> None:
        app = _app(conf.settings().broker_url)
        app.task(name=RUN, acks_late=True, ignore_result=True, reject_on_worker_lost=True)(_running(worker))
        sweeping = beat.EmbeddedService(app, thread=True, scheduler_cls=Sweeper)
        sweeping.start()
        while not worker.stopping.is_set():
            _serve(app, worker)
            # It ends of its own accord only when something is wrong, as the broker at its first start.
            worker.stopping.wait(AGAIN_SECONDS)
        sweeping.service.stop(wait=False)


class Sweeper(beat.Scheduler):
    """Sweeps in beat's own thread."""

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **options: Any) -> None:
        if advance:
            self.reserve(entry)
        anew = _connected.is_set()
        _connected.clear()
        if not sweeps.safely(at_start=anew) and anew:
            _connected.set()

    def setup_schedule(self) -> None:
        self.merge_inplace(self.app.conf.beat_schedule)


class Connecting(bootsteps.StartStopStep):
    """Taken by a worker each time that it has a connection to the broker."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, consumer: Any) -> None:
        _connected.set()


class Pool(TaskPool):
    """Threads that nobody waits for at the end: `hitl.shift` does."""

    def on_stop(self) -> None:
        self.executor.shutdown(wait=False, cancel_futures=True)


def _running(worker: Worker) -> Callable[[str], None]:
    """The task, as the plain function that Celery makes one of."""

    def run(thread_id: str) -> None:
        worker.run(thread_id)

    return run


def _serve(app: App, worker: Worker) -> None:
    state.should_stop = None
    served = WorkController(
        app=app,
        pool_cls=Pool,
        concurrency=worker.concurrency,
        queues=[queue_of(workflow) for workflow in worker.workflows],
        without_gossip=True,
        without_mingle=True,
        send_events=False,
    )
    Thread(target=_stop_with, args=(worker,), name="hitl-celery-stop", daemon=True).start()
    served.start()


def _stop_with(worker: Worker) -> None:
    worker.stopping.wait()
    state.should_stop = 0


@cache
def _app(broker_url: str) -> App:
    """An app of our own, which leaves alone one that the project may have."""
    app = App("hitl", broker=broker_url, set_as_current=False)
    app.conf.update(
        task_acks_late=True,
        task_ignore_result=True,
        task_reject_on_worker_lost=True,
        task_default_queue=SWEEPS,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        beat_schedule={SWEEP: {"task": SWEEP, "schedule": conf.settings().sweep_seconds}},
    )
    app.steps["consumer"].add(Connecting)
    if broker_url.startswith(("redis:", "rediss:")):
        # redis-py 8 ends an idle connection after five seconds, unless it is told not to.
        app.conf.broker_transport_options = {
            "socket_timeout": None,
            "socket_connect_timeout": SEND_SECONDS,
            "socket_keepalive": True,
            "health_check_interval": 25,
        }
    return app
