from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint
from langgraph.types import interrupt


@entrypoint(checkpointer=InMemorySaver())
def graph(value, previous):
    return [value, previous, interrupt("?")]


config = {"configurable": {"thread_id": "1"}}
graph.invoke("in", config)
graph.update_state(config, "instead")
state = graph.get_state(config)
assert (state.values, state.next, state.interrupts, state.metadata["source"]) == ("instead", (), (), "update")
assert graph.invoke("again", config)["__interrupt__"][0].value == "?"
