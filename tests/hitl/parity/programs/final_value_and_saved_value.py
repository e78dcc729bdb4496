from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint


@entrypoint(checkpointer=InMemorySaver())
def double(number: int, *, previous: int | None = None) -> entrypoint.final[int, int]:
    return entrypoint.final(value=previous or 0, save=2 * number)


config = {"configurable": {"thread_id": "1"}}
assert double.invoke(3, config) == 0
assert double.invoke(1, config) == 6
assert double.get_state(config).values == 6
assert list(double.stream(5, config)) == [{"double": 2}]
