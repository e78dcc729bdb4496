from contextlib import suppress

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.types import Command, interrupt


@task
def step(text):
    return f"{text}!"


@entrypoint(checkpointer=InMemorySaver())
def graph(text):
    first = step(text).result()
    answer = interrupt("?")
    if answer == "fail":
        raise ValueError(answer)
    return [first, answer]


for durability in ("sync", "async", "exit"):
    config = {"configurable": {"thread_id": durability}}
    graph.invoke("hi", config, durability=durability)
    assert graph.get_state(config).next == ("graph",)
    assert graph.invoke(Command(resume="ok"), config, durability=durability) == ["hi!", "ok"]
    assert graph.get_state(config).values == ["hi!", "ok"]
    graph.invoke("hi", config, durability=durability)
    with suppress(ValueError):
        graph.invoke(Command(resume="fail"), config, durability=durability)
    assert graph.get_state(config).tasks[0].error == "ValueError('fail')"
