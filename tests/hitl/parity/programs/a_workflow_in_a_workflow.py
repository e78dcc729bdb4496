from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.types import Command, interrupt

calls = []


@task
def step(name):
    calls.append(name)
    return name


@entrypoint()
def child(name):
    return f"{step(name).result()}: {interrupt(f'{name}?')}"


@entrypoint(checkpointer=InMemorySaver())
def parent(value):
    return [child.invoke("a"), child.invoke("b")]


config = {"configurable": {"thread_id": "1"}}
assert [asked.value for asked in parent.invoke("in", config)["__interrupt__"]] == ["a?"]
assert [asked.value for asked in parent.invoke(Command(resume="A"), config)["__interrupt__"]] == ["b?"]
assert parent.invoke(Command(resume="B"), config) == ["a: A", "b: B"]
assert calls == ["a", "b"]
