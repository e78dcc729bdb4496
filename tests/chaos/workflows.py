"""What runs in the chaos, beside the demo's workflows: one of each thing that the engine promises to bring through.

Each takes its thread's id, so that every value says whose it is; `expected` says what it must return, given the
answers that its questions got.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hitl import pulse
from hitl import scope as scopes
from hitl.config import get_stream_writer
from hitl.func import entrypoint, sleep_for, task
from hitl.retrying import RetryPolicy
from hitl.runtime import get_runtime
from hitl.types import interrupt
from tests.chaos import outside

WORK_SECONDS = 0.01
# Long enough for a lease to be lost and taken by somebody else, and shorter than one.
LINGER_SECONDS = 2.5
Said = Mapping[str, Any]


def began(**told: Any) -> str:
    """Tell the outer world that a task has begun, and whether its result is committed already."""
    info, scope = get_runtime().execution_info, scopes.require("began()")
    outside.note(
        "start",
        call=info.task_id,
        thread=info.thread_id,
        turn=scope.leg.turn.number,
        path=scope.path,
        task=scope.name,
        epoch=scope.leg.lease.epoch,
        committed=outside.journal.has_result(info.thread_id, scope.leg.turn.number, scope.path),
        **told,
    )
    return info.task_id


def mended(name: str) -> bool:
    """Whether a person has put right what makes this thread fail."""
    return Path(os.environ["CHAOS_MENDED"], name).exists()


@task
def step(name: str, number: int) -> str:
    began()
    time.sleep(WORK_SECONDS)  # the work, long enough to be killed in
    return f"{name}/{number}"


@task
def consult(name: str) -> str:
    """Asks while others work, and then has a step of its own."""
    began(asks=True)
    said = interrupt(f"What of {name}?")
    return f"{said}, {step(name, 5).result()}"


@entrypoint()
def parallel(name: str) -> list[str]:
    """One step; two at once beside a question; another question; one more step."""
    first = step(name, 1).result()
    both = [step(name, number) for number in (2, 3)]
    beside = consult(name)
    middle = [future.result() for future in both]
    consulted = beside.result()
    said = interrupt(f"May {name} go on?")
    return [first, *middle, consulted, said, step(name, 4).result()]


def expect_parallel(name: str, said: Said) -> Any:
    about, on = said[f"What of {name}?"], said[f"May {name} go on?"]
    return [f"{name}/1", f"{name}/2", f"{name}/3", f"{about}, {name}/5", on, f"{name}/4"]


@task
def inner(name: str, number: int) -> str:
    began(asks=True)
    return "+".join(future.result() for future in [step(name, number), step(name, number + 1)])


@task
def outer(name: str) -> str:
    began(asks=True)
    left, right = inner(name, 10), inner(name, 20)
    return f"{left.result()} {right.result()}"


@entrypoint()
def nested(name: str) -> str:
    """Tasks in tasks in tasks."""
    return str(outer(name).result())


def expect_nested(name: str, said: Said) -> Any:
    return f"{name}/10+{name}/11 {name}/20+{name}/21"


@entrypoint()
def asking(name: str) -> list[str]:
    """A loop of questions with a step between them."""
    heard = []
    for number in range(3):
        heard.append(interrupt(f"{name}, round {number}?"))
        heard.append(step(name, number).result())
    return heard


def expect_asking(name: str, said: Said) -> Any:
    return [value for number in range(3) for value in (said[f"{name}, round {number}?"], f"{name}/{number}")]


SOON = RetryPolicy(initial_interval=0.05, jitter=False, max_attempts=3, retry_on=ConnectionError)
LATE = RetryPolicy(initial_interval=10.5, jitter=False, max_attempts=2, retry_on=ConnectionError)


@task(retry_policy=SOON)
def at_the_third_try(name: str) -> str:
    began()
    if get_runtime().execution_info.node_attempt < 3:
        raise ConnectionError("away")
    return f"{name} reached"


@task
def never(name: str) -> str:
    began()
    raise ValueError(f"{name} is wrong")


@task
def when_mended(name: str) -> str:
    began()
    if not mended(name):
        raise LookupError(f"{name} is broken")
    return f"{name} mended"


@entrypoint()
def failing(name: str) -> list[str]:
    """Fails and is tried again, fails and is caught, fails and waits for a person."""
    tried = at_the_third_try(name).result()
    try:
        never(name).result()
    except ValueError as error:
        caught = str(error)
    return [tried, caught, when_mended(name).result(), step(name, 1).result()]


def expect_failing(name: str, said: Said) -> Any:
    return [f"{name} reached", f"{name} is wrong", f"{name} mended", f"{name}/1"]


@task(retry_policy=LATE)
def at_the_second_try(name: str) -> str:
    began()
    if get_runtime().execution_info.node_attempt < 2:
        raise ConnectionError("away for long")
    return f"{name} reached late"


@entrypoint()
def sleeping(name: str) -> list[str]:
    """Sleeps twice, and waits out a back-off that is longer than a lease."""
    first = step(name, 1).result()
    sleep_for(1.0)
    second = step(name, 2).result()
    late = at_the_second_try(name).result()
    sleep_for(0.5)
    return [first, second, late, step(name, 3).result()]


def expect_sleeping(name: str, said: Said) -> Any:
    return [f"{name}/1", f"{name}/2", f"{name} reached late", f"{name}/3"]


@task(atomic=True)
def pay(name: str, number: int) -> str:
    from tests.chaos.bank.models import Effect

    call = began(effect=True)
    Effect.objects.create(call=call)
    return f"{name} paid {number}"


@task(atomic=True, retry_policy=SOON)
def pay_at_the_second_try(name: str) -> str:
    """The first attempt fails after its effect, which must not stay."""
    from tests.chaos.bank.models import Effect

    call = began(effect=True)
    Effect.objects.create(call=call)
    if get_runtime().execution_info.node_attempt < 2:
        raise ConnectionError("the bank is away")
    return f"{name} paid late"


@entrypoint()
def paying(name: str) -> list[str]:
    """Atomic tasks: one alone, two at once, one after a question that fails at first."""
    paid = [pay(name, 0).result()]
    paid += [future.result() for future in [pay(name, 1), pay(name, 2)]]
    said = interrupt(f"May {name} pay again?")
    return [*paid, said, pay_at_the_second_try(name).result()]


def expect_paying(name: str, said: Said) -> Any:
    return [*(f"{name} paid {number}" for number in range(3)), said[f"May {name} pay again?"], f"{name} paid late"]


@entrypoint()
def child(name: str) -> str:
    done = step(name, 30).result()
    return f"{done}: {interrupt(f'Is {name} well?')}"


@entrypoint()
def family(name: str) -> list[str]:
    """Two workflows called by another one, each with a question."""
    return [child.invoke(f"{name} one"), child.invoke(f"{name} two"), step(name, 31).result()]


def expect_family(name: str, said: Said) -> Any:
    both = [f"{name} {which}/30: {said[f'Is {name} {which} well?']}" for which in ("one", "two")]
    return [*both, f"{name}/31"]


@task
def report(name: str) -> str:
    began()
    tell = get_stream_writer()
    for number in range(3):
        tell(f"{name} tells {number}")
    return name


@entrypoint()
def telling(name: str) -> str:
    """Custom events, of a task and of the body."""
    tell = get_stream_writer()
    tell(f"{name} begins")
    report(name).result()
    said = interrupt(f"{name}, did you hear?")
    tell(f"{name} ends")
    return f"{said}"


def expect_telling(name: str, said: Said) -> Any:
    return said[f"{name}, did you hear?"]


def events_of(name: str) -> list[str]:
    """What `telling` must have told, once each."""
    return sorted([f"{name} begins", *(f"{name} tells {number}" for number in range(3)), f"{name} ends"])


@task
async def astep(name: str, number: int) -> str:
    began()
    await asyncio.sleep(WORK_SECONDS)
    return f"{name}/{number}"


@entrypoint()
async def waiting(name: str) -> list[str]:
    """An asynchronous body: calls gathered, a question, a call."""
    first = await asyncio.gather(*(astep(name, number) for number in range(3)))
    said = interrupt(f"Shall {name} wait?")
    return [*first, said, await astep(name, 3)]


def expect_waiting(name: str, said: Said) -> Any:
    return [*(f"{name}/{number}" for number in range(3)), said[f"Shall {name} wait?"], f"{name}/3"]


@task
def kill_until_mended(name: str) -> str:
    began()
    if not mended(name):
        outside.note("suicide", victim=os.getpid())
        os.kill(os.getpid(), signal.SIGKILL)
    return f"{name} lives"


@entrypoint()
def deadly(name: str) -> str:
    """Kills whoever runs it, until a person has looked after it (rule 27)."""
    return str(kill_until_mended(name).result())


def expect_deadly(name: str, said: Said) -> Any:
    return f"{name} lives"


def linger() -> None:
    """Work in the body, unseen by the pulse: nothing is recorded, the lease is not prolonged, and nobody says so."""
    pulse.detach(scopes.require("linger()").leg)
    time.sleep(LINGER_SECONDS)


@entrypoint()
def lingering(name: str) -> str:
    """Whoever has lost the lease meanwhile hears of it only when the pass ends."""
    linger()
    said = interrupt(f"Has {name} lingered?")
    linger()
    return f"{said}"


def expect_lingering(name: str, said: Said) -> Any:
    return said[f"Has {name} lingered?"]


EXPECTED: dict[str, Callable[[str, Said], Any]] = {
    "parallel": expect_parallel,
    "nested": expect_nested,
    "asking": expect_asking,
    "failing": expect_failing,
    "sleeping": expect_sleeping,
    "paying": expect_paying,
    "family": expect_family,
    "telling": expect_telling,
    "waiting": expect_waiting,
    "deadly": expect_deadly,
    "lingering": expect_lingering,
}
