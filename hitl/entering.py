"""How a call of a workflow comes into a thread: it starts, answers, goes on or goes back, and takes the lease."""

from __future__ import annotations

import dataclasses
import logging
from abc import abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from hitl import answering, codec, forking, line, run, states, transitions
from hitl.errors import EmptyInput, InvalidUpdateError
from hitl.facts import Author
from hitl.lease import Lease
from hitl.opening import Start, busy, check_workflow
from hitl.store import Store
from hitl.types import UNSET, Command
from hitl.unit import Unit

if TYPE_CHECKING:
    from hitl.workflow import Workflow

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Opening:
    """What a call found or did on the thread before any code runs."""

    lease: Lease | None
    turn: int
    resumed: bool = False
    follow: bool = False


class Entering(states.States):
    """What a workflow does with a thread before any code runs."""

    @abstractmethod
    def of_version(self, version: str) -> Workflow: ...

    def _open(self, store: Store, thread_id: str, input: Any, config: dict[str, Any]) -> Opening:
        """Start, answer or go on, and take the lease, in one transaction (rule 36)."""
        if isinstance(input, Command):
            self._check_command(input, thread_id)
        seq = states.checkpoint_of(config)
        at = self._going_back(store, thread_id, seq, answering=isinstance(input, Command))
        if at is not None:
            return store.transact(thread_id, partial(self._go_back, at=at, input=input, config=config))
        if isinstance(input, Command):
            work = partial(self._resume, value=input.resume)
            named = answering.named(input.resume)
            return store.transact(thread_id, work, closed=True, questions=named, turn=True, repeatable=True)
        if input is None:
            if store.thread(thread_id) is None:
                raise EmptyInput(f"Received no input, and there is no thread {thread_id!r} to go on with.")
            return store.transact(thread_id, self._go_on)
        text = codec.encode(input, where="input")
        start = partial(self._start, text=text, metadata=config["metadata"])
        return store.transact(thread_id, start, create=True, repeatable=True)

    def _check_command(self, command: Command, thread_id: str) -> None:
        """There is no graph around, nothing to update and nowhere to go (item 56)."""
        if command.graph is not None:
            raise InvalidUpdateError(
                f"There is no parent graph: {self.node} on thread {thread_id!r} was given Command(graph="
                f"{command.graph!r}). Leave graph out."
            )
        if command.resume is UNSET:
            raise EmptyInput(
                f"The Command for {self.node} on thread {thread_id!r} says nothing to do here. Give it resume=<answer>."
            )
        if command.update or command.goto:
            logger.warning("%s has nothing to update and nowhere to go: only resume= counts.", self.node)

    def _start(self, unit: Unit, *, text: str, metadata: Mapping[str, Any]) -> Opening:
        asked = Start(self.name, text, Author(), version=self.version, metadata=metadata)
        transitions.start(unit, asked, discard_pending=True)
        return Opening(self._claim(unit), unit.thread.turn)

    def _resume(self, unit: Unit, *, value: Any) -> Opening:
        check_workflow(unit, self.name)
        answering.resume(unit, value, author=Author())
        lease = self._claim(unit)
        return Opening(lease, unit.thread.turn, resumed=lease is not None, follow=lease is None)

    def _go_on(self, unit: Unit) -> Opening:
        check_workflow(unit, self.name)
        if unit.thread.status == "error":
            transitions.retry(unit, author=Author())
        if unit.thread.status != "busy":
            return Opening(None, unit.thread.turn, resumed=True)
        lease = self._claim(unit)
        if lease is None:
            raise busy(unit.thread.id)
        return Opening(lease, unit.thread.turn, resumed=True)

    def _go_back(self, unit: Unit, *, at: forking.Base, input: Any, config: dict[str, Any]) -> Opening:
        """Fork at a checkpoint (rule 11): go on from it, answer what was open there, or give it a new input."""
        check_workflow(unit, self.name)
        if isinstance(input, Command):
            forking.resume(unit, at, input.resume, author=Author())
        elif input is None and at.value is not None:
            forking.restore(unit, at, author=Author())
            line.go_on(unit)
            return Opening(None, unit.thread.turn, resumed=True)
        elif input is None:
            forking.fork(unit, at, author=Author())
        else:
            text = codec.encode(input, where="input")
            metadata = config["metadata"]
            forking.restart(
                unit, at, workflow=self.name, version=self.version, text=text, author=Author(), metadata=metadata
            )
        return Opening(self._claim(unit), unit.thread.turn, resumed=True)

    def _follow(self, store: Store, thread_id: str, turn: int) -> Opening:
        """Another leg runs the thread: wait for it, or take over when its lease runs out (rule 19)."""
        thread = store.thread(thread_id)
        if thread is None or thread.status != "busy" or thread.turn != turn:
            return Opening(None, turn)
        if thread.wake_at is not None and thread.wake_at > store.now():
            return Opening(None, turn, follow=True)

        def take_over(unit: Unit) -> Lease | None:
            return self._claim(unit) if unit.thread.turn == turn else None

        lease = store.transact(thread_id, take_over)
        return Opening(lease, turn, resumed=lease is not None, follow=lease is None)

    def _claim(self, unit: Unit) -> Lease | None:
        return run.claiming(self.of_version(unit.thread.workflow_version))(unit)
