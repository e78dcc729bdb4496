from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.types import Command, interrupt


@task
def ask(text):
    return interrupt(text)


@entrypoint(checkpointer=InMemorySaver())
def graph(text):
    return ask(text).result()


config = {"configurable": {"thread_id": "1"}}
empty = graph.get_state(config)
assert (empty.values, empty.next, empty.metadata, empty.created_at, empty.tasks) == ({}, (), None, None, ())
assert (empty.config, empty.parent_config, empty.interrupts) == (config, None, ())

(asked,) = graph.invoke("ok?", config)["__interrupt__"]
paused = graph.get_state(config)
assert (paused.values, paused.next, paused.interrupts) == (None, ("graph",), (asked,))
(body,) = paused.tasks
assert (body.name, body.path, body.error) == ("graph", ("__pregel_pull", "graph"), None)
assert (body.interrupts, body.state, body.result) == ((asked,), None, None)
assert (paused.metadata["source"], paused.metadata["step"]) == ("input", -1)

assert graph.invoke(Command(resume="yes"), config) == "yes"
done = graph.get_state(config)
assert (done.values, done.next, done.tasks, done.interrupts) == ("yes", (), (), ())
assert (done.metadata["source"], done.metadata["step"]) == ("loop", 0)
