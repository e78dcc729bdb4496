from langgraph.checkpoint.memory import MemorySaver
from langgraph.func import entrypoint


@entrypoint(checkpointer=MemorySaver())
def add(number: int, *, previous: int | None) -> int:
    return number + (previous or 0)


def on(thread_id):
    return {"configurable": {"thread_id": thread_id}}


assert [add.invoke(n, on("a")) for n in (1, 2, 3)] == [1, 3, 6]
assert add.invoke(10, on("b")) == 10
