from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint
from langgraph.types import Command, interrupt

said = []


@entrypoint(checkpointer=InMemorySaver())
def graph(value):
    said.append("start")
    first = interrupt("first?")
    said.append("mid")
    second = interrupt("second?")
    said.append("end")
    return [first, second]


config = {"configurable": {"thread_id": "1"}}
one = graph.invoke("in", config)["__interrupt__"][0]
two = graph.invoke(Command(resume="a"), config)["__interrupt__"][0]
assert (one.value, two.value) == ("first?", "second?")
assert one.id != two.id
assert graph.invoke(Command(resume="b"), config) == ["a", "b"]
assert said == ["start", "start", "mid", "start", "mid", "end"]
