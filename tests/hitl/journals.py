"""Words for tests of the storage: threads begun by hand, facts without a workflow, all rows as evidence."""

from __future__ import annotations

from functools import partial
from typing import Any

from hitl import answering, codec, transitions
from hitl.facts import Author, Fact, question_id
from hitl.lease import Lease
from hitl.models import Checkpoint, Interrupt, Run, Thread
from hitl.opening import Start
from hitl.store import Store

ANA = Author(None, "ana", "web")
BEN = Author(None, "ben", "web")


def begin(store: Store, thread_id: str = "t", *, workflow: str = "w", value: Any = "foo", **options: Any) -> Any:
    """Start a thread, as the verb does; returns its run."""
    text = codec.encode(value)
    discard_pending = options.pop("discard_pending", False)
    asked = Start(workflow, text, ANA, **options)
    work = partial(transitions.start, asked=asked, discard_pending=discard_pending)
    return store.transact(thread_id, work, create=True)


def claim(store: Store, thread_id: str = "t", *, workflow: str = "w", lease_seconds: float = 30) -> Lease | None:
    work = partial(transitions.claim, workflow=workflow, lease_seconds=lease_seconds, code_version="1")
    return store.transact(thread_id, work)


def leased(store: Store, thread_id: str = "t", **options: Any) -> Lease:
    """A thread that is begun and claimed."""
    begin(store, thread_id)
    lease = claim(store, thread_id, **options)
    assert lease is not None
    return lease


def result(number: int = 0, value: Any = "bar", *, kind: str = "task") -> Fact:
    """The fact of one finished call; another number is another call."""
    return Fact(kind, 1, path=f"{number:016x}", name="step", position=number, value=codec.encode(value))


def question(thread_id: str = "t", *, place: str = "0", value: Any = "May I?", version: int = 1) -> Fact:
    detail = {
        "id": question_id(thread_id, 1, "", place),
        "version": version,
        "key": "",
        "schema": "",
        "question_kind": "text",
        "title": str(value),
        "search": str(value),
    }
    text = codec.encode(value)
    path = answering.place("", place)
    digest = codec.digest(value)
    return Fact(
        "question", 1, path=path, attempt=version, position=int(place), digest=digest, value=text, detail=detail
    )


def pause(store: Store, lease: Lease, *facts: Fact, seen: int | None = None) -> bool:
    """End the leg with these questions; returns whether it ended."""
    seen = store.thread(lease.thread_id).seq if seen is None else seen
    return store.transact(
        lease.thread_id, partial(transitions.pause, lease=lease, facts=facts, seen=seen, code_version="1"), closed=True
    )


def finish(store: Store, lease: Lease, value: Any = "bar") -> None:
    text = codec.encode(value)
    store.transact(lease.thread_id, partial(transitions.finish, lease=lease, facts=[], text=text, saved=text))


def paused(store: Store, thread_id: str = "t", *questions: Fact) -> str:
    """A thread that waits for an answer; returns the id of its (first) question."""
    asked = questions or (question(thread_id),)
    assert pause(store, leased(store, thread_id), *asked)
    return str(asked[0].detail["id"])


def kinds(store: Store, thread_id: str = "t") -> list[str]:
    return [fact.kind for fact in store.facts(thread_id)]


def seqs(store: Store, thread_id: str = "t") -> list[int]:
    return [fact.seq for fact in store.facts(thread_id)]


def gapless(store: Store, thread_id: str = "t") -> bool:
    """Whether the journal holds 1 to the thread's seq, in order."""
    return seqs(store, thread_id) == list(range(1, store.thread(thread_id).seq + 1))


def evidence() -> dict[str, list[dict[str, Any]]]:
    """Every row of the engine's tables: equal before and after means that nothing was written."""
    return {
        model.__name__: list(model._default_manager.order_by("pk").values())
        for model in (Thread, Run, Checkpoint, Interrupt)
    }
