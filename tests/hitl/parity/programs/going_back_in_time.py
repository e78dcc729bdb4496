from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.types import Command, interrupt


@task
def draft(topic):
    return f"draft on {topic}"


@entrypoint(checkpointer=InMemorySaver())
def graph(topic):
    return [draft(topic).result(), interrupt("publish?")]


config = {"configurable": {"thread_id": "1"}}
graph.invoke("tea", config)
assert graph.invoke(Command(resume="yes"), config) == ["draft on tea", "yes"]
*_, at_input = graph.get_state_history(config)
assert graph.invoke(None, at_input.config)["__interrupt__"][0].value == "publish?"
assert graph.get_state(config).next == ("graph",)
assert graph.invoke(Command(resume="no"), config) == ["draft on tea", "no"]
assert "fork" in [one.metadata["source"] for one in graph.get_state_history(config)]
