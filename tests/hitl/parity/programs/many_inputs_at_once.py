import asyncio

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint
from langgraph.types import interrupt


@entrypoint(checkpointer=InMemorySaver())
def graph(value):
    if value == 2:
        raise ValueError(value)
    return interrupt("?") if value == 3 else value


def configs(name, count):
    return [{"configurable": {"thread_id": f"{name}{number}"}} for number in range(count)]


assert graph.batch([], configs("a", 0)) == []
assert graph.batch([1, 4, 5], configs("b", 3)) == [1, 4, 5]
first, second, third = graph.batch([1, 2, 3], configs("c", 3), return_exceptions=True)
assert (first, repr(second)) == (1, "ValueError(2)")
assert third["__interrupt__"][0].value == "?"
for wrong in (lambda: graph.batch([1, 2], configs("d", 2)), lambda: graph.batch([1, 1], configs("e", 1))):
    try:
        wrong()
    except ValueError:
        continue
    raise AssertionError("it was to be refused")
assert asyncio.run(graph.abatch([1, 4], configs("f", 2))) == [1, 4]
