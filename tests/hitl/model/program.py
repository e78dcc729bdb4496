"""Programs as data: what the model test generates, prints, and gives to the engine and to the straight run.

A printed program is the code that makes it, so that a counterexample can be pasted into a test.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from hypothesis import strategies as st

LAST = "last"
VARIES = "varies"


class Boom(Exception):
    """What programs fail with; its message says where."""


class Node:
    """Prints itself without what is left at its default."""

    def __repr__(self) -> str:
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        given = [
            (field.name, getattr(self, field.name)) for field in fields if getattr(self, field.name) != field.default
        ]
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in given)})"


node = dataclasses.dataclass(repr=False, kw_only=True)


@node
class T(Node):
    """A call of task `name`. arg: a constant that other calls have too, the LAST result, or one that VARIES.

    flaky: at its end it fails until so many of its failures are recorded.
    """

    body: list[Any]
    name: Literal["a", "b"] = "a"
    arg: Any = 0
    flaky: int = 0


@node
class Ask(Node):
    """A question. varies: its text is another on every replay. picky: raises where the answer is a bad one."""

    text: str = "ok?"
    key: str = ""
    varies: bool = False
    picky: bool = False


@node
class Do(Node):
    """Call a task and wait for it."""

    task: T


@node
class Par(Node):
    """Call all, then wait for each in order. quiet: by `exception()`, so that failures are values."""

    tasks: list[T]
    quiet: bool = False


@node
class AsDone(Node):
    """Call all; as each is done, call `then` with its result. The order differs from replay to replay."""

    tasks: list[T]
    then: T


@node
class Spawn(Node):
    """Call a task. late: its result is waited for at the end of the scope, else never."""

    task: T
    late: bool = False


@node
class Try(Node):
    """`try: body, except Boom: handler`."""

    body: list[Any]
    handler: list[Any]


@node
class Hush(Node):
    """`try: body, except BaseException`: nothing of the engine's may be lost in there."""

    body: list[Any]


@node
class Loop(Node):
    times: int
    body: list[Any]


@node
class Fail(Node):
    pass


def statements(depth: int, *, steady: bool) -> st.SearchStrategy[Any]:
    """A statement with at most `depth` more inside one another. steady: nothing fails only sometimes."""
    picky = st.just(False) if steady else st.booleans()
    texts, keys = st.sampled_from(["ok?", "sure?"]), st.sampled_from(["k", "l"])
    asks = st.builds(Ask, text=texts, picky=picky) | st.builds(Ask, key=keys, varies=st.booleans(), picky=picky)
    if depth == 0:
        return asks | st.just(Fail())
    block = blocks(depth - 1, steady=steady)
    task = tasks(depth - 1, steady=steady)
    several = st.lists(task, min_size=1, max_size=3)
    return st.one_of(
        asks,
        st.builds(Do, task=task),
        st.builds(Do, task=tasks(0, steady=steady).map(_of_varying)),
        st.builds(Par, tasks=several, quiet=st.booleans()),
        st.builds(Spawn, task=task, late=st.booleans()),
        st.builds(Loop, times=st.integers(1, 2), body=block),
        st.builds(Try, body=block, handler=block),
        st.builds(AsDone, tasks=several, then=task.map(_of_last)),
        st.builds(Hush, body=block),
        st.builds(_changing, keys, st.lists(asks, min_size=1, max_size=2)),
        st.just(Fail()),
    )


def _changing(key: str, others: list[Any]) -> Try:
    """A question that changes its text while others beside it are answered."""
    beside: list[Any] = [Spawn(task=T(body=[other], name="b"), late=True) for other in others]
    return Try(body=[*beside, Ask(key=key, varies=True)], handler=[])


def _of_last(task: T) -> T:
    return dataclasses.replace(task, arg=LAST)


def _of_varying(task: T) -> T:
    return dataclasses.replace(task, arg=VARIES)


def tasks(depth: int, *, steady: bool) -> st.SearchStrategy[T]:
    return st.builds(
        T,
        body=blocks(depth, steady=steady),
        name=st.sampled_from(["a", "b"]),
        arg=st.sampled_from([0, 1, LAST]),
        flaky=st.just(0) if steady else st.sampled_from([0, 0, 0, 1, 2]),
    )


def blocks(depth: int, *, steady: bool = False) -> st.SearchStrategy[list[Any]]:
    """Statements one after another; a whole program is one."""
    return st.lists(statements(depth, steady=steady), max_size=3 if depth else 2)
