from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.types import Command, GraphOutput, interrupt


@task
def foo(text):
    return f"{text} foo"


@entrypoint(checkpointer=InMemorySaver())
def graph(text):
    return [foo(text).result(), interrupt("?")]


config = {"configurable": {"thread_id": "1"}}
first = list(graph.stream("hi", config, stream_mode=["updates", "values"], version="v2"))
assert first[0] == {"type": "updates", "ns": (), "data": {"foo": "hi foo"}}
(asked,) = first[-1]["interrupts"]
assert first[-1] == {"type": "values", "ns": (), "data": {}, "interrupts": (asked,)}
assert graph.invoke(None, config, version="v2") == GraphOutput(value={}, interrupts=(asked,))
done = graph.invoke(Command(resume="ok"), config, version="v2")
assert done == GraphOutput(value=["hi foo", "ok"], interrupts=())
