"""Where a thread stands and stood, and how code changes that: `get_state`, its history, `update_state`."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

from hitl import codec, forking, history, line, opening, reading, transitions
from hitl.errors import InvalidUpdateError, NotFound
from hitl.facts import NOT_REPLAYED, Author
from hitl.opening import Start
from hitl.store import Store
from hitl.types import StateSnapshot
from hitl.unit import Unit

Config = Mapping[str, Any]
T = TypeVar("T")


class States(ABC):
    """What a workflow offers on its threads' past and present."""

    node: str
    name: str
    version: str

    @abstractmethod
    def store(self) -> Store: ...

    @abstractmethod
    def thread_id(self, config: Config | None) -> str: ...

    def get_state(self, config: Config) -> StateSnapshot:
        """Where the thread of this config stands; an empty snapshot where there is none.

        With a `checkpoint_id` from a snapshot's config it is that record: questions even if answered since.
        """
        return self._reading(self._get_state, config)

    async def aget_state(self, config: Config) -> StateSnapshot:
        """`get_state` for asynchronous code."""
        return await self._areading(self._get_state, config)

    def get_state_history(
        self,
        config: Config,
        *,
        filter: Mapping[str, Any] | None = None,
        before: Config | None = None,
        limit: int | None = None,
        steps: bool = False,
    ) -> Iterator[StateSnapshot]:
        """The thread's snapshots, newest first: inputs, outputs, updates and forks.

        filter: metadata that must be equal. before: only what is older than that snapshot's config. limit: how
        many at the most. steps: every fact is a snapshot, and an address to fork from (rule 11).
        """
        options: dict[str, Any] = {"filter": filter, "before": checkpoint_of(before), "limit": limit, "steps": steps}
        yield from self._reading(partial(self._get_history, **options), config)

    async def aget_state_history(
        self,
        config: Config,
        *,
        filter: Mapping[str, Any] | None = None,
        before: Config | None = None,
        limit: int | None = None,
        steps: bool = False,
    ) -> AsyncIterator[StateSnapshot]:
        """`get_state_history` for asynchronous code."""
        options: dict[str, Any] = {"filter": filter, "before": checkpoint_of(before), "limit": limit, "steps": steps}
        for snapshot in await self._areading(partial(self._get_history, **options), config):
            yield snapshot

    def update_state(self, config: Config, values: Any, as_node: str | None = None) -> dict[str, Any]:
        """Pretend that the open turn returned `values`: its question is dropped, `previous` is `values`.

        as_node: "__input__" queues an input instead, which `invoke(None)` runs; "__end__" with None ends the turn
        without a value; "__copy__" forks from the config's checkpoint, which `invoke(None)` goes on with. Returns the
        new checkpoint's config.
        Raises ThreadBusy, QuestionHeld, InvalidUpdateError for a node there is not (item 65).
        """
        return self._reading(partial(self._update_state, values=values, as_node=as_node), config)

    async def aupdate_state(self, config: Config, values: Any, as_node: str | None = None) -> dict[str, Any]:
        """`update_state` for asynchronous code."""
        return await self._areading(partial(self._update_state, values=values, as_node=as_node), config)

    def _reading(self, read: Callable[[Store, str, int | None], T], config: Config) -> T:
        store, thread_id = self.store(), self.thread_id(config)
        return store.call(partial(read, store, thread_id, checkpoint_of(config)))

    async def _areading(self, read: Callable[[Store, str, int | None], T], config: Config) -> T:
        store, thread_id = self.store(), self.thread_id(config)
        return await asyncio.wrap_future(store.submit(partial(read, store, thread_id, checkpoint_of(config))))

    def _get_state(self, store: Store, thread_id: str, seq: int | None) -> StateSnapshot:
        if seq is None:
            return reading.snapshot(store, thread_id, node=self.node)
        facts = store.facts(thread_id) if store.thread(thread_id) is not None else []
        found = history.at(facts, thread_id, seq, node=self.node)
        return found or reading.nothing({"thread_id": thread_id, "checkpoint_id": str(seq)})

    def _get_history(self, store: Store, thread_id: str, seq: int | None, **options: Any) -> list[StateSnapshot]:
        if store.thread(thread_id) is None:
            return []
        if seq is not None:
            options["before"] = min(seq + 1, options["before"] or seq + 1)
        return list(history.snapshots(store.facts(thread_id), thread_id, node=self.node, **options))

    def _update_state(
        self, store: Store, thread_id: str, seq: int | None, *, values: Any, as_node: str | None
    ) -> dict[str, Any]:
        text = codec.encode(values, where="values")
        if as_node == "__input__":
            at = self._going_back(store, thread_id, seq)
            work: Callable[[Unit], Any] = partial(self._queue_input, text=text, at=at)
        elif as_node == "__end__" and values is None:
            work = partial(forking.make_way, author=Author())
        elif as_node == "__copy__":
            work = partial(self._copy, at=self._base(store, thread_id, seq))
        elif as_node in (None, self.node):
            work = partial(self._pretend, text=text)
        else:
            raise InvalidUpdateError(
                f"Node {as_node} does not exist, so thread {thread_id!r} was not updated; leave as_node out, or use "
                f"{self.node!r}, __input__, __copy__, or __end__ with None."
            )

        def checked(unit: Unit) -> int:
            if not unit.is_new:
                opening.check_workflow(unit, self.name)
            work(unit)
            seq: int = unit.thread.seq
            line.go_on(unit)
            return seq

        create = as_node in (None, self.node, "__input__")
        return history.config_at(thread_id, store.transact(thread_id, checked, create=create))

    def _queue_input(self, unit: Unit, *, text: str, at: forking.Base | None) -> None:
        if at is not None:
            forking.restart(unit, at, workflow=self.name, version=self.version, text=text, author=Author(), metadata={})
            return
        forking.make_way(unit, author=Author())
        transitions.start(unit, Start(self.name, text, Author(), version=self.version))

    def _pretend(self, unit: Unit, *, text: str) -> None:
        forking.update(unit, text, workflow=self.name, author=Author())

    @staticmethod
    def _copy(unit: Unit, *, at: forking.Base) -> None:
        go_back = forking.fork if at.value is None else forking.restore
        go_back(unit, at, author=Author())

    def _going_back(
        self, store: Store, thread_id: str, seq: int | None, *, answering: bool = False
    ) -> forking.Base | None:
        """The checkpoint of this seq; None if none is named, or if it is where the thread stands anyway.

        answering: then the open turn's snapshot in the history, which shows its questions, is where it stands.
        """
        thread = store.thread(thread_id) if seq is not None else None
        if seq is None or thread is None:
            return None
        if answering and seq == thread.turn_seq and thread.status != "idle":
            return None
        if 0 < seq <= thread.seq:
            since = store.facts(thread_id, after=seq)
            if all(fact.kind in (*NOT_REPLAYED, "save") for fact in since):
                return None
        return self._base(store, thread_id, seq)

    def _base(self, store: Store, thread_id: str, seq: int | None) -> forking.Base:
        facts = store.facts(thread_id)
        if seq is None:
            # Where the thread stands is not moved by what a replay does not read: a start put in line, say.
            seq = next((fact.seq for fact in reversed(facts) if fact.kind not in NOT_REPLAYED), 0)
        return forking.base(facts, seq, thread_id)


def checkpoint_of(config: Config | None) -> int | None:
    """The seq that a snapshot's config names."""
    named = ((config or {}).get("configurable") or {}).get("checkpoint_id")
    try:
        return int(named) if named else None
    except ValueError:
        raise NotFound(f"{named!r} is no checkpoint id of ours; take it from a snapshot's config.") from None
