from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import InvalidUpdateError
from langgraph.func import entrypoint


@entrypoint(checkpointer=InMemorySaver())
def graph(value, previous):
    return [value, previous]


config = {"configurable": {"thread_id": "1"}}
graph.invoke(1, config)
graph.update_state(config, 2, as_node="__input__")
assert graph.get_state(config).next == ("graph",)
assert graph.invoke(None, config) == [2, [1, None]]
try:
    graph.update_state(config, 3, as_node="nope")
except InvalidUpdateError as error:
    assert "Node nope does not exist" in str(error)
else:
    raise AssertionError("there is no such node")
