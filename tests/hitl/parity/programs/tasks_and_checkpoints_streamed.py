from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.types import Command, interrupt


@task
def foo(text, loud=False):
    return f"{text} foo"


@task
def human(text):
    return interrupt(text)


@entrypoint(checkpointer=InMemorySaver())
def graph(text):
    return human(foo(text, loud=True).result()).result()


def without(chunk, *keys):
    return {key: value for key, value in chunk.items() if key not in keys}


config = {"configurable": {"thread_id": "1"}}
first = list(graph.stream("hi", config, stream_mode="tasks"))
body, call, asking = first[0]["id"], first[1]["id"], first[3]["id"]
assert len({body, call, asking}) == 3
assert first[:4] == [
    {"id": body, "name": "graph", "input": "hi", "triggers": ("__start__",)},
    {"id": call, "name": "foo", "input": (("hi",), {"loud": True}), "triggers": ("__pregel_push",)},
    {"id": call, "name": "foo", "error": None, "result": {"__return__": "hi foo"}, "interrupts": []},
    {"id": asking, "name": "human", "input": (("hi foo",), {}), "triggers": ("__pregel_push",)},
]
assert without(first[4], "interrupts") == {"id": body, "name": "graph", "error": None, "result": {}}
assert [asked["value"] for asked in first[4]["interrupts"]] == ["hi foo"]
second = list(graph.stream(Command(resume="ok"), config, stream_mode="tasks"))
assert [(chunk["name"], "result" in chunk) for chunk in second] == [
    ("graph", False),
    ("foo", False),
    ("human", False),
    ("human", True),
    ("graph", True),
]
assert second[-1] == {"id": body, "name": "graph", "error": None, "result": {"__end__": "ok"}, "interrupts": []}

config = {"configurable": {"thread_id": "2"}}
(begun,) = graph.stream("hi", config, stream_mode="checkpoints")
assert sorted(begun) == ["config", "metadata", "next", "parent_config", "tasks", "values"]
assert (begun["values"], begun["next"], begun["parent_config"]) == (None, ["graph"], None)
assert without(begun["tasks"][0], "id") == {"name": "graph", "interrupts": (), "state": None}
resumed, done = graph.stream(Command(resume="ok"), config, stream_mode="checkpoints")
assert resumed["config"] == begun["config"]
assert [asked["value"] for asked in resumed["tasks"][0]["interrupts"]] == ["hi foo"]
assert (done["values"], done["next"], done["tasks"]) == ("ok", [], [])
assert (done["metadata"]["source"], done["metadata"]["step"]) == ("loop", 0)
assert done["parent_config"] == begun["config"]
