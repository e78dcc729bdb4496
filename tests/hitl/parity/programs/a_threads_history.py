from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint


@entrypoint(checkpointer=InMemorySaver())
def graph(number):
    return number * 10


config = {"configurable": {"thread_id": "1"}, "metadata": {"team": "a"}}
graph.invoke(1, config)
graph.invoke(2, config)
history = list(graph.get_state_history(config))
assert [(one.metadata["source"], one.metadata["step"]) for one in history] == [
    ("loop", 2),
    ("input", 1),
    ("loop", 0),
    ("input", -1),
]
assert [one.next for one in history] == [(), ("graph",), (), ("graph",)]
assert [one.values for one in history][::2] == [20, 10]
assert [one.tasks[0].result for one in history[1::2]] == [20, 10]
assert all(one.metadata["team"] == "a" for one in history)
assert list(graph.get_state_history(config, filter={"source": "loop"})) == history[::2]
assert list(graph.get_state_history(config, limit=1)) == history[:1]
assert list(graph.get_state_history(config, before=history[1].config)) == history[2:]
assert [one.parent_config for one in history] == [history[1].config, history[2].config, history[3].config, None]
assert graph.get_state(history[2].config).values == 10
