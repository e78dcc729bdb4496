from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.types import interrupt


@task
def step(name):
    return name


@entrypoint()
def child(name):
    return [step(name).result(), interrupt(f"{name}?")]


@entrypoint(checkpointer=InMemorySaver())
def parent(value):
    return child.invoke(value)


config = {"configurable": {"thread_id": "1"}}
chunks = list(parent.stream("a", config, subgraphs=True))
assert [len(chunk) for chunk in chunks] == [2, 2, 2]
(inner, update), (asked_in, asked), (outer, again) = chunks
assert update == {"step": "a"}
assert inner == asked_in
assert inner[0].startswith("parent:")
assert outer == ()
assert [one.value for one in asked["__interrupt__"]] == [one.value for one in again["__interrupt__"]] == ["a?"]
