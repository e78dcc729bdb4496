"""Nudges as jobs of procrastinate: PostgreSQL alone, no other service.

A nudge is a row that the verb writes in its own transaction, over its own connection, so that it is there if and
only if the verb's facts are. `queueing_lock` keeps one waiting nudge a thread; procrastinate's `lock` is not used,
for after a `kill -9` it would keep the thread from ever being run again: who runs it is the lease's business.
`procrastinate.contrib.django` has to be installed for its tables; the worker is `manage.py hitl worker`.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.db import DatabaseError, connections, transaction
from procrastinate import App, PsycopgConnector, exceptions, jobs
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.contrib.django.utils import connector_params
from procrastinate.manager import JobManager

from hitl import conf, discreet
from hitl import sweep as sweeps
from hitl.executors.base import Executor
from hitl.executors.queues import SWEEPS, queue_of
from hitl.worker import Worker

RUN = "hitl.run"
SWEEP = "hitl.sweep"
TIDY = "hitl.tidy"
# A NOTIFY may be lost, and of jobs that become due there is none.
POLL_SECONDS = 1.0
# A worker that has not said anything for so long is dead, and the jobs it had are litter.
STALLED_SECONDS = 30.0
AGAIN_SECONDS = 1.0
LOOK_SECONDS = 0.2

Threads = ThreadPoolExecutor

logger = logging.getLogger(__name__)


class Procrastinate(Executor):
    """See the module."""

    in_transaction = True
    by_workers = True

    def nudge(self, thread_id: str, *, workflow: str, run_at: datetime | None = None) -> None:
        alias = conf.settings().database
        # A nudge for later must not stand in the way of one for now.
        lock = f"{RUN} {thread_id}" if run_at is None else f"{RUN} {thread_id} {run_at.isoformat()}"
        job = jobs.Job(
            queue=queue_of(workflow),
            task_name=RUN,
            task_kwargs={"thread_id": thread_id},
            lock=None,
            queueing_lock=lock,
            scheduled_at=run_at,
        )
        if not _defer(job, alias) and connections[alias].in_atomic_block:
            # One waits already, but a worker may take it before what is written here can be seen.
            transaction.on_commit(partial(_defer, job, alias), using=alias, robust=True)

    def check(self) -> list[CheckMessage]:
        alias = conf.settings().database
        found: list[CheckMessage] = []
        if alias in connections.settings and connections[alias].vendor != "postgresql":
            hint = "Set DATABASE_URL=postgres://…, or leave HITL_EXECUTOR out: SQLite's runs are executed in process."
            found.append(Error("The procrastinate executor needs PostgreSQL", hint=hint, id="hitl.E030"))
        elif not apps.is_installed("procrastinate.contrib.django"):
            hint = "Add “procrastinate.contrib.django” to INSTALLED_APPS and run `manage.py migrate`."
            found.append(Error("procrastinate's tables are not installed", hint=hint, id="hitl.E031"))
        return found

    def work(self, worker: Worker) -> None:
        # Not of one connection's life: a run goes on while procrastinate's worker begins again.
        threads = ThreadPoolExecutor(worker.concurrency, "hitl-executor")
        sweeper = ThreadPoolExecutor(1, "hitl-sweep")
        while not worker.stopping.is_set():
            try:
                asyncio.run(_serve(worker, threads, sweeper))
            except Exception as error:
                logger.warning("procrastinate's worker broke off and will be started again: %s", discreet.plain(error))
                worker.stopping.wait(AGAIN_SECONDS)
        for pool_ in (threads, sweeper):
            pool_.shutdown(wait=False, cancel_futures=True)


def _defer(job: jobs.Job, alias: str) -> bool:
    """Write the job, unless there is one waiting. In a savepoint: what goes wrong must not take the verb along."""
    deferrer = jobs.JobDeferrer(JobManager(DjangoConnector(alias)), job)
    try:
        with transaction.atomic(using=alias):
            deferrer.defer()
    except exceptions.AlreadyEnqueued:
        return False
    except (exceptions.ConnectorException, DatabaseError) as error:
        logger.warning("Thread %s could not be nudged: %s", job.task_kwargs["thread_id"], discreet.plain(error))
    return True


async def _serve(worker: Worker, threads: Threads, sweeper: Threads) -> None:
    """Two of procrastinate's workers in this process: sweeps must not wait behind runs that take long."""
    connector = PsycopgConnector(kwargs=connector_params(conf.settings().database), min_size=1, max_size=4)
    async with _app(connector, worker, threads, sweeper).open_async() as app:
        serve = partial(
            app.run_worker_async,
            install_signal_handlers=False,
            delete_jobs="always",
            fetch_job_polling_interval=POLL_SECONDS,
            stalled_worker_timeout=STALLED_SECONDS,
            # The runs behind the jobs are waited for by `hitl.shift`; a nudge has done its work when it was heard.
            shutdown_graceful_timeout=0.5,
        )
        queues = [queue_of(workflow) for workflow in worker.workflows]
        serving = [
            asyncio.create_task(serve(queues=queues, concurrency=worker.concurrency)),
            asyncio.create_task(serve(queues=[SWEEPS], concurrency=1)),
        ]
        while not worker.stopping.is_set():
            done, _ = await asyncio.wait(serving, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if done:
                break
        for one in serving:
            one.cancel()
        ends = await asyncio.gather(*serving, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


def _app(connector: PsycopgConnector, worker: Worker, threads: Threads, sweeper: Threads) -> App:
    app = App(connector=connector)

    @app.task(name=RUN)
    async def run(thread_id: str) -> None:
        await asyncio.get_running_loop().run_in_executor(threads, worker.run, thread_id)

    @app.periodic(cron=cron(conf.settings().sweep_seconds))
    @app.task(name=SWEEP, queue=SWEEPS, queueing_lock=SWEEP)
    async def sweep(timestamp: int) -> None:
        await asyncio.get_running_loop().run_in_executor(sweeper, sweeps.safely)

    @app.periodic(cron="* * * * *")
    @app.task(name=TIDY, queue=SWEEPS, queueing_lock=TIDY)
    async def tidy(timestamp: int) -> None:
        for task_name in (RUN, SWEEP, TIDY):
            stalled = await app.job_manager.get_stalled_jobs(
                task_name=task_name, seconds_since_heartbeat=STALLED_SECONDS
            )
            for job in stalled:
                if job.id is not None:
                    await app.job_manager.finish_job_by_id_async(job.id, jobs.Status.FAILED, delete_job=True)

    return app


def cron(seconds: float) -> str:
    """Every so many seconds, as procrastinate writes it: whole ones below a minute, whole minutes above."""
    whole = max(1, round(seconds))
    return f"* * * * * */{whole}" if whole < 60 else f"*/{min(whole // 60, 59)} * * * *"
