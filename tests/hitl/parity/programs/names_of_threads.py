from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint


@entrypoint(checkpointer=InMemorySaver())
def graph(value):
    return value


assert graph.invoke("in", {"configurable": {"thread_id": 5}}) == "in"
assert graph.get_state({"configurable": {"thread_id": "5"}}).values == "in"
try:
    graph.invoke("in")
except ValueError as error:
    assert "Checkpointer requires one or more of the following 'configurable' keys: thread_id" in str(error)
else:
    raise AssertionError("it names no thread")
try:
    graph.invoke("in", {"configurable": {"tenant": "a"}})
except KeyError as error:
    assert "thread_id" in str(error)
else:
    raise AssertionError("it names no thread")
