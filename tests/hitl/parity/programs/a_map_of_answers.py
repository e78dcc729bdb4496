from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.types import Command, interrupt


@task
def ask(name):
    return f"{name}: {interrupt(f'{name}?')}"


@entrypoint(checkpointer=InMemorySaver())
def graph(value):
    return [ask("a").result(), ask("b").result()]


config = {"configurable": {"thread_id": "1"}}
(first,) = graph.invoke("in", config)["__interrupt__"]
(second,) = graph.invoke(Command(resume={first.id: "A"}), config)["__interrupt__"]
assert graph.get_state(config).interrupts[0].id == second.id
assert graph.invoke(Command(resume={second.id: "B"}), config) == ["a: A", "b: B"]
