from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint
from langgraph.types import Command, interrupt


@entrypoint(checkpointer=InMemorySaver())
def graph(value, writer):
    writer("body-start")
    interrupt("?")
    writer("body-end")


config = {"configurable": {"thread_id": "1"}}
assert list(graph.stream("in", config, stream_mode="custom")) == ["body-start"]
assert list(graph.stream(Command(resume=1), config, stream_mode="custom")) == ["body-start", "body-end"]
