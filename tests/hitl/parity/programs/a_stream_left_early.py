from time import sleep

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task


@task
def step(number):
    return number


@entrypoint(checkpointer=InMemorySaver())
def graph(count):
    return sum(step(number).result() for number in range(count))


config = {"configurable": {"thread_id": "1"}}
for chunk in graph.stream(4, config):
    assert chunk == {"step": 0}
    break
for _ in range(1000):
    if graph.get_state(config).values == 6:
        break
    sleep(0.01)
assert graph.get_state(config).values == 6
