from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.types import Command, interrupt

calls = []


@task
def inner(number):
    calls.append(f"inner {number}")
    return number * 10


@task
def outer(number):
    calls.append(f"outer {number}")
    return inner(number).result() + 1


@entrypoint(checkpointer=InMemorySaver())
def graph(value):
    done = [outer(2).result(), outer(3).result()]
    return [*done, interrupt("?")]


config = {"configurable": {"thread_id": "1"}}
chunks = list(graph.stream("in", config))
assert chunks[:-1] == [{"inner": 20}, {"outer": 21}, {"inner": 30}, {"outer": 31}]
assert graph.invoke(Command(resume="yes"), config) == [21, 31, "yes"]
assert calls == ["outer 2", "inner 2", "outer 3", "inner 3"]
