import asyncio

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.types import Command, interrupt


@task
async def double(number):
    await asyncio.sleep(0)
    return number * 2


@task
def plainly(number):
    return number + 1


@entrypoint(checkpointer=InMemorySaver())
async def graph(numbers):
    doubled = await asyncio.gather(*[double(number) for number in numbers])
    future = plainly(sum(doubled))
    assert isinstance(future, asyncio.Future)
    return [doubled, await future, interrupt("?")]


async def main():
    config = {"configurable": {"thread_id": "1"}}
    (asked,) = (await graph.ainvoke([1, 2], config))["__interrupt__"]
    assert (await graph.aget_state(config)).interrupts == (asked,)
    chunks = [chunk async for chunk in graph.astream(Command(resume="yes"), config)]
    assert chunks == [{"graph": [[2, 4], 7, "yes"]}]
    sources = [one.metadata["source"] async for one in graph.aget_state_history(config)]
    assert sources == ["loop", "input"]
    await graph.aupdate_state(config, "instead")
    assert (await graph.aget_state(config)).values == "instead"


asyncio.run(main())
