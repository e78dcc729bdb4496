from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_config
from langgraph.errors import InvalidUpdateError
from langgraph.func import entrypoint, task
from langgraph.types import Command, RetryPolicy, interrupt


@task
def one():
    return 1


@task
async def two():
    return 2


@entrypoint(checkpointer=InMemorySaver())
def graph(value):
    return two().result() if value == "two" else interrupt("?")


@entrypoint(checkpointer=InMemorySaver())
async def agraph(value):
    return value


def generator(value):
    yield value


config = {"configurable": {"thread_id": "1"}}
for expected, call in [
    (RuntimeError, one),
    (RuntimeError, lambda: interrupt("?")),
    (RuntimeError, get_config),
    (RuntimeError, lambda: graph.invoke("two", {"configurable": {"thread_id": "2"}})),
    (TypeError, lambda: agraph.invoke("in", config)),
    (TypeError, lambda: list(agraph.stream("in", config))),
    (TypeError, lambda: entrypoint.final[int]),
    (NotImplementedError, lambda: entrypoint()(generator)),
    (ValueError, lambda: entrypoint()(lambda: None)),
    (ValueError, lambda: graph.invoke("in", config | {"recursion_limit": 0})),
    (InvalidUpdateError, lambda: graph.invoke(Command(graph=Command.PARENT), config)),
]:
    try:
        call()
    except expected:
        continue
    raise AssertionError(f"{expected.__name__} was to be raised")
assert RetryPolicy().max_attempts == 3
