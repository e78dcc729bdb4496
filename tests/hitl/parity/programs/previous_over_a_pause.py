from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint
from langgraph.types import Command, interrupt


@entrypoint(checkpointer=InMemorySaver())
def graph(number, *, previous=None):
    return [number, interrupt("?"), previous]


config = {"configurable": {"thread_id": "1"}}
graph.invoke(1, config)
assert graph.invoke(Command(resume="r"), config) == [1, "r", None]
graph.invoke(2, config)
assert graph.invoke(Command(resume="r2"), config) == [2, "r2", [1, "r", None]]
