from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task

calls = []


@task
def good():
    calls.append("good")
    return 1


@task
def bad():
    calls.append("bad")
    if calls.count("bad") == 1:
        raise ValueError("boom")
    return 2


@entrypoint(checkpointer=InMemorySaver())
def graph(value):
    return [good().result(), bad().result()]


config = {"configurable": {"thread_id": "1"}}
try:
    graph.invoke("in", config)
except ValueError as error:
    assert str(error) == "boom"
state = graph.get_state(config)
assert state.next == ("graph",)
assert state.tasks[0].error == "ValueError('boom')"
assert graph.invoke(None, config) == [1, 2]
assert calls == ["good", "bad", "bad"]
