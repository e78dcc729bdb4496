from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.func import entrypoint, task
from langgraph.types import Command, interrupt


@task
def foo(text):
    get_stream_writer()({"progress": "foo"})
    return f"{text} foo"


@task
def human(text):
    return f"{text} {interrupt(text)}"


@entrypoint(checkpointer=InMemorySaver())
def graph(text):
    return human(foo(text).result()).result()


def stream(value, mode, thread_id, **options):
    return list(graph.stream(value, {"configurable": {"thread_id": thread_id}}, stream_mode=mode, **options))


for mode, first, second in [
    ("updates", [{"foo": "hi foo"}, "?"], [{"human": "hi foo ok"}, {"graph": "hi foo ok"}]),
    ("values", ["?"], [None, "hi foo ok"]),
    ("custom", [{"progress": "foo"}], []),
]:
    chunks = stream("hi", mode, mode)
    shown = ["?" if "__interrupt__" in chunk else chunk for chunk in chunks]
    assert shown == first, (mode, chunks)
    assert stream(Command(resume="ok"), mode, mode) == second, mode

modes = [mode for mode, _ in stream("hi", ["updates", "values", "custom"], "many")]
assert modes == ["custom", "updates", "updates", "values"]
assert stream(Command(resume="ok"), ["updates", "values"], "many") == [
    ("values", None),
    ("updates", {"human": "hi foo ok"}),
    ("updates", {"graph": "hi foo ok"}),
    ("values", "hi foo ok"),
]
assert stream("hi", "updates", "invoked")[0] == {"foo": "hi foo"}
config = {"configurable": {"thread_id": "invoked"}}
assert graph.invoke(Command(resume="ok"), config, stream_mode="updates") == [
    {"human": "hi foo ok"},
    {"graph": "hi foo ok"},
]
