from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.types import CachePolicy

cache = InMemoryCache()
calls = []


@task(cache_policy=CachePolicy(ttl=60))
def slow(number):
    calls.append(number)
    return number * 2


@entrypoint(checkpointer=InMemorySaver(), cache=cache)
def graph(number):
    return slow(number).result()


def on(thread_id):
    return {"configurable": {"thread_id": thread_id}}


assert list(graph.stream(1, on("a"))) == [{"slow": 2}, {"graph": 2}]
assert list(graph.stream(1, on("b"))) == [{"slow": 2, "__metadata__": {"cached": True}}, {"graph": 2}]
assert graph.invoke(2, on("c")) == 4
slow.clear_cache(cache)
assert graph.invoke(1, on("d")) == 2
assert calls == [1, 2, 1]
