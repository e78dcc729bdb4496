"""The program that the functional API is explained with."""

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.types import Command, interrupt


@task
def step_1(text):
    return f"{text} bar"


@task
def human_feedback(text):
    return f"{text} {interrupt(f'Please provide feedback: {text}')}"


@task
def step_3(text):
    return f"{text} qux"


@entrypoint(checkpointer=InMemorySaver())
def graph(text):
    return step_3(human_feedback(step_1(text).result()).result()).result()


config = {"configurable": {"thread_id": "1"}}
first = list(graph.stream("foo", config))
assert first[0] == {"step_1": "foo bar"}
(asked,) = first[1]["__interrupt__"]
assert asked.value == "Please provide feedback: foo bar"
assert list(graph.stream(Command(resume="baz"), config)) == [
    {"human_feedback": "foo bar baz"},
    {"step_3": "foo bar baz qux"},
    {"graph": "foo bar baz qux"},
]
