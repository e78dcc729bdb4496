from threading import Event

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task

returning = Event()


@task
def slow(number):
    returning.wait(20)
    return number


@entrypoint(checkpointer=InMemorySaver())
def graph(value):
    slow(1)
    returning.set()
    return "done"


config = {"configurable": {"thread_id": "1"}}
chunks = list(graph.stream("in", config))
assert chunks in ([{"graph": "done"}, {"slow": 1}], [{"slow": 1}, {"graph": "done"}])
assert graph.get_state(config).values == "done"
