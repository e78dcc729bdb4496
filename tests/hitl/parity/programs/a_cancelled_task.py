import asyncio

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task

started = asyncio.Event()


@task
async def endless():
    started.set()
    await asyncio.Event().wait()


@entrypoint(checkpointer=InMemorySaver())
async def graph(value):
    future = endless()
    await started.wait()
    future.cancel()
    try:
        await future
    except asyncio.CancelledError:
        return "cancelled"


async def main():
    assert await graph.ainvoke("in", {"configurable": {"thread_id": "1"}}) == "cancelled"


asyncio.run(main())
