from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint

saver = InMemorySaver()


@entrypoint(checkpointer=saver)
def graph(value, previous):
    return [value, previous]


config = {"configurable": {"thread_id": "1"}}
graph.invoke(1, config)
saver.delete_thread("1")
assert graph.get_state(config).values == {}
assert list(graph.get_state_history(config)) == []
assert graph.invoke(2, config) == [2, None]
