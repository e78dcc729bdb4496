from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task

calls = []


@task
def nothing():
    calls.append("nothing")


@entrypoint(checkpointer=InMemorySaver())
def graph(value):
    return nothing().result()


config = {"configurable": {"thread_id": "1"}}
assert list(graph.stream(0, config)) == [{"nothing": None}, {"graph": None}]
assert graph.get_state(config).values is None
assert graph.invoke("", config) is None
