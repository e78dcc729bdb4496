from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import EmptyInputError
from langgraph.func import entrypoint
from langgraph.types import Command, interrupt

calls = []


@entrypoint(checkpointer=InMemorySaver())
def graph(value):
    calls.append(value)
    return interrupt("?")


config = {"configurable": {"thread_id": "1"}}
try:
    graph.invoke(None, config)
except EmptyInputError:
    pass
else:
    raise AssertionError("there is nothing to go on with")
(asked,) = graph.invoke("in", config)["__interrupt__"]
(again,) = graph.invoke(None, config)["__interrupt__"]
assert asked == again
graph.invoke(Command(resume="yes"), config)
before = list(calls)
assert graph.invoke(None, config) == "yes"
assert calls == before
