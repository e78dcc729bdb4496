"""Rule 39: a process is told which threads moved: at once, then at most twenty times a second."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from time import monotonic

import pytest

from hitl import announce

WAIT_SECONDS = 30


class Listener:
    """Remembers what it heard and when."""

    def __init__(self) -> None:
        self.heard: list[frozenset[str]] = []
        self.times: list[float] = []
        self._changed = threading.Condition()

    def __call__(self, ids: frozenset[str]) -> None:
        with self._changed:
            self.heard.append(ids)
            self.times.append(monotonic())
            self._changed.notify_all()

    def wait(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, WAIT_SECONDS)


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """The only one: the desk's would tell other processes by way of the database."""
    monkeypatch.setattr(announce, "_listeners", [])
    made = Listener()
    stop = announce.listen(made)
    yield made
    stop()


def test_one_move_is_told(listener: Listener) -> None:
    announce.moved("t")
    listener.wait(lambda: bool(listener.heard))
    assert "t" in listener.heard[0]


def test_many_moves_are_told_together_at_most_twenty_times_a_second(listener: Listener) -> None:
    while len(listener.heard) < 6:
        announce.moved("a", "b")
    between = [later - earlier for earlier, later in zip(listener.times, listener.times[1:], strict=False)]
    assert min(between) > 0.045
    assert all({"a", "b"} <= ids for ids in listener.heard)


def test_the_last_move_is_told_too(listener: Listener) -> None:
    for number in range(100):
        announce.moved(f"t{number}")
    listener.wait(lambda: "t99" in frozenset().union(*listener.heard))
    assert frozenset().union(*listener.heard) >= {f"t{number}" for number in range(100)}
    assert len(listener.heard) < 20


def test_a_listener_that_fails_does_not_keep_the_others_from_hearing(listener: Listener) -> None:
    def fail(ids: frozenset[str]) -> None:
        raise ValueError("deaf")

    stop = announce.listen(fail)
    other = Listener()
    stop_other = announce.listen(other)
    try:
        announce.moved("t")
        other.wait(lambda: bool(other.heard))
        announce.moved("u")
        other.wait(lambda: len(other.heard) == 2)
    finally:
        stop()
        stop_other()


def test_who_has_stopped_listening_hears_nothing_more(listener: Listener) -> None:
    gone = Listener()
    announce.listen(gone)()
    announce.moved("t")
    listener.wait(lambda: bool(listener.heard))
    assert gone.heard == []
