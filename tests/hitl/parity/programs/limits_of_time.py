import asyncio

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import NodeTimeoutError
from langgraph.func import entrypoint, task

try:

    @task(timeout=1)
    def plain():
        pass
except ValueError as error:
    assert "Node timeouts are only supported for async nodes" in str(error)
else:
    raise AssertionError("a synchronous task cannot be stopped")


@task(timeout=0.05)
async def slow():
    await asyncio.Event().wait()


@entrypoint(checkpointer=InMemorySaver())
async def graph(value):
    try:
        await slow()
    except NodeTimeoutError as error:
        return str(error)


async def main():
    said = await graph.ainvoke("in", {"configurable": {"thread_id": "1"}})
    assert said.startswith("Node 'slow' exceeded its run timeout of 0.050s"), said


asyncio.run(main())
