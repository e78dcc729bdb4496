import asyncio

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task


@task
def double(number):
    return number * 2


@entrypoint(checkpointer=InMemorySaver())
def graph(number):
    return double(number).result()


async def main():
    config = {"configurable": {"thread_id": "1"}}
    assert await graph.ainvoke(3, config) == 6
    assert [chunk async for chunk in graph.astream(4, config)] == [{"double": 8}, {"graph": 8}]


asyncio.run(main())
