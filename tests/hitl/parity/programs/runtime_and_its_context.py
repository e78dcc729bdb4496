from dataclasses import dataclass

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.runtime import Runtime, get_runtime


@dataclass
class Context:
    user: str
    limit: int = 3


@task
def who():
    return get_runtime(Context).context.user


@entrypoint(checkpointer=InMemorySaver(), context_schema=Context)
def graph(value: str, runtime: Runtime[Context]):
    return [value, runtime.context.limit, who().result(), runtime.previous, runtime.execution_info.thread_id]


config = {"configurable": {"thread_id": "1"}}
assert graph.invoke("in", config, context=Context("ana", 5)) == ["in", 5, "ana", None, "1"]
assert graph.invoke("in", config, context={"user": "ben"}) == ["in", 3, "ben", ["in", 5, "ana", None, "1"], "1"]
