from concurrent.futures import Future, as_completed, wait
from threading import Barrier

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task

together = Barrier(4, timeout=20)


@task
def square(number):
    together.wait()
    return number * number


@task
def fail():
    raise KeyError("gone")


@entrypoint(checkpointer=InMemorySaver())
def graph(numbers):
    futures = [square(number) for number in numbers]
    assert all(isinstance(future, Future) for future in futures)
    assert not wait(futures, timeout=20).not_done
    failing = fail()
    error = failing.exception(timeout=20)
    return [sorted(future.result() for future in as_completed(futures)), type(error).__name__, failing.done()]


assert graph.invoke([1, 2, 3, 4], {"configurable": {"thread_id": "1"}}) == [[1, 4, 9, 16], "KeyError", True]
