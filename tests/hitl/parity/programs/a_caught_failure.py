from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task


@task
def bad(text):
    raise ValueError(text)


@task
def good(text):
    return text


@entrypoint(checkpointer=InMemorySaver())
def graph(value):
    try:
        bad("boom").result()
    except ValueError as error:
        return good(f"caught {error}").result()


config = {"configurable": {"thread_id": "1"}}
assert list(graph.stream("in", config)) == [{"good": "caught boom"}, {"graph": "caught boom"}]
