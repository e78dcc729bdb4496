from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.types import Command, interrupt


@task
def age():
    question = "How old?"
    while True:
        answer = interrupt(question)
        if isinstance(answer, int):
            return answer
        question = f"{answer!r} is no age. How old?"


@entrypoint(checkpointer=InMemorySaver())
def graph(value):
    return age().result()


config = {"configurable": {"thread_id": "1"}}
assert graph.invoke("in", config)["__interrupt__"][0].value == "How old?"
assert graph.invoke(Command(resume="x"), config)["__interrupt__"][0].value == "'x' is no age. How old?"
assert graph.invoke(Command(resume="y"), config)["__interrupt__"][0].value == "'y' is no age. How old?"
assert graph.invoke(Command(resume=30), config) == 30
