"""What a workflow is made of and what its caller may set beside the input, looked at before anything runs."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from hitl.errors import InvalidOption
from hitl.store import Store

DURABILITIES = ("sync", "async", "exit")
KNOWN = ("durability", "context", "recursion_limit")


def check(config: Any, options: Mapping[str, Any], *, node: str) -> None:
    """Raise InvalidOption for what is no config, for an unknown option, and for a value that means nothing."""
    check_config(config, node=node)
    if unknown := set(options) - set(KNOWN):
        raise InvalidOption(f"{node} takes no option {min(unknown)!r}; leave it out. Nothing ran on {named(config)}.")
    if options.get("durability") not in (None, *DURABILITIES):
        raise InvalidOption(f"There is no durability {options['durability']!r}; use one of {', '.join(DURABILITIES)}.")
    for name in ("recursion_limit", "max_concurrency"):
        check_limit(name, {**(config or {}), **options}.get(name))


def check_config(config: Any, *, node: str) -> None:
    """Raise InvalidOption where it is no config at all."""
    if config is None:
        return
    if not isinstance(config, Mapping):
        raise InvalidOption(
            f"The config for {node} is a dict like {{'configurable': {{'thread_id': '…'}}}}, and not {_shown(config)}."
        )
    for key in ("configurable", "metadata"):
        if not isinstance(config.get(key) or {}, Mapping):
            raise InvalidOption(f"{key!r} in the config for {node} is a dict, and not {_shown(config[key])}.")


def check_checkpointer(checkpointer: Any) -> None:
    """Raise InvalidOption for what keeps no journal, as a function behind an `@entrypoint` without parentheses."""
    if inspect.isroutine(checkpointer):
        raise InvalidOption("Write @entrypoint() with its parentheses: the function comes behind them.")
    if checkpointer is not None and not isinstance(checkpointer, Store):
        raise InvalidOption(
            f"checkpointer is an InMemorySaver of hitl.checkpoint.memory, or left out for Django's database, and not "
            f"{_shown(checkpointer)}."
        )


def check_function(function: Any) -> None:
    """Raise InvalidOption for what cannot be called or named."""
    if not (callable(function) and hasattr(function, "__module__") and hasattr(function, "__qualname__")):
        raise InvalidOption(f"@entrypoint() makes a workflow of a function, and not of {_shown(function)}.")


def check_task(function: Any) -> None:
    """Raise InvalidOption for what cannot be called."""
    if not callable(function):
        raise InvalidOption(f"@task makes a task of a function, and not of {_shown(function)}.")


def named(config: Mapping[str, Any] | None) -> str:
    """The thread that a config names, for a message."""
    thread_id = ((config or {}).get("configurable") or {}).get("thread_id")
    return f"thread {str(thread_id)!r}" if thread_id else "any thread"


def check_limit(name: str, limit: Any) -> None:
    """A workflow is one step, so any recursion_limit holds; but a limit has to be one (items 25 and 26)."""
    if limit is not None and not (isinstance(limit, int) and limit >= 1):
        raise InvalidOption(f"{name} must be at least 1, and not {_shown(limit)}. Leave it out.")


def _shown(value: Any) -> str:
    return f"{value!r:.50}" if isinstance(value, (str, int, float)) else type(value).__name__
