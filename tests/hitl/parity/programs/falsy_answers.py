from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint
from langgraph.types import Command, interrupt


@entrypoint(checkpointer=InMemorySaver())
def graph(value):
    return [value, interrupt("?")]


for number, answer in enumerate([0, False, "", [], {"a": 1}, [None], 1.5]):
    config = {"configurable": {"thread_id": str(number)}}
    graph.invoke("in", config)
    assert graph.invoke(Command(resume=answer), config) == ["in", answer]
