from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint
from langgraph.types import Command, interrupt


@entrypoint(checkpointer=InMemorySaver())
def graph(value):
    return [value, interrupt(f"{value}?")]


config = {"configurable": {"thread_id": "1"}}
(old,) = graph.invoke("old", config)["__interrupt__"]
(new,) = graph.invoke("new", config)["__interrupt__"]
assert (old.value, new.value) == ("old?", "new?")
assert old.id != new.id
assert graph.get_state(config).interrupts == (new,)
assert graph.invoke(Command(resume="yes"), config) == ["new", "yes"]
assert [one.metadata["source"] for one in graph.get_state_history(config)] == ["loop", "input", "input"]
