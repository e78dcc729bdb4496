"""Words for tests of workflows: configs, what came back, and a way to answer."""

from __future__ import annotations

from functools import partial
from typing import Any

from hitl import transitions
from hitl.facts import Author
from hitl.store import Store

WAIT_SECONDS = 30


def on(thread_id: str = "1", **more: Any) -> dict[str, Any]:
    """The config of a call on this thread."""
    return {"configurable": {"thread_id": thread_id}, **more}


def questions(result: Any) -> dict[Any, str]:
    """What a paused call asks, with the ids; {} when it did not pause."""
    if not isinstance(result, dict) or "__interrupt__" not in result:
        return {}
    return {asked.value: asked.id for asked in result["__interrupt__"]}


def cancel(store: Store, thread_id: str = "1") -> None:
    """Cancel the thread's turn, as the verb does."""
    store.transact(thread_id, partial(transitions.cancel, author=Author(None, "ana", "web")), closed=True)


def facts(store: Store, *kinds: str, thread_id: str = "1") -> list[Any]:
    """The thread's facts of these kinds, in order."""
    return [fact for fact in store.facts(thread_id) if fact.kind in kinds]
