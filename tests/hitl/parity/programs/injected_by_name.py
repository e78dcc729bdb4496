from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_config, get_stream_writer
from langgraph.func import entrypoint, task


@task
def where():
    return get_config()["configurable"]["thread_id"]


@entrypoint(checkpointer=InMemorySaver())
def graph(value, previous, limit=3, *, config, writer):
    writer({"seen": value})
    get_stream_writer()("again")
    return [value, previous, limit, config["configurable"]["thread_id"], where().result()]


config = {"configurable": {"thread_id": "7"}}
assert list(graph.stream("in", config, stream_mode=["custom", "values"])) == [
    ("custom", {"seen": "in"}),
    ("custom", "again"),
    ("values", ["in", None, 3, "7", "7"]),
]
