from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.runtime import get_runtime
from langgraph.types import RetryPolicy

attempts = []


@task(retry_policy=RetryPolicy(initial_interval=0.01, jitter=False, retry_on=ValueError))
def flaky():
    attempts.append(get_runtime().execution_info.node_attempt)
    if len(attempts) < 3:
        raise ValueError("not yet")
    return "done"


@task(
    retry_policy=[
        RetryPolicy(initial_interval=0.01, retry_on=KeyError, max_attempts=9),
        RetryPolicy(initial_interval=0.01, retry_on=(ValueError, TypeError), max_attempts=2, jitter=False),
    ]
)
def hopeless(counted):
    counted.append(1)
    tries.append(1)
    raise TypeError("never")


tries = []


@entrypoint(checkpointer=InMemorySaver())
def graph(value):
    try:
        hopeless([]).result()
    except TypeError:
        return flaky().result()


config = {"configurable": {"thread_id": "1"}}
assert list(graph.stream("in", config)) == [{"flaky": "done"}, {"graph": "done"}]
assert attempts == [1, 2, 3]
assert len(tries) == 2
