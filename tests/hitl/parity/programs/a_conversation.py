from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.types import Command, interrupt


@task
def answer(messages):
    return {"role": "assistant", "content": f"{len(messages)} so far"}


@task
def approve(call):
    return interrupt({"question": "Shall I?", "call": call})


@entrypoint(checkpointer=InMemorySaver())
def agent(messages, previous):
    messages = [*(previous or []), *messages]
    if messages[-1]["content"] == "pay":
        said = approve("pay").result()
        messages.append({"role": "tool", "content": said})
    messages.append(answer(messages).result())
    return entrypoint.final(value=messages[-1]["content"], save=messages)


def user(text):
    return [{"role": "user", "content": text}]


config = {"configurable": {"thread_id": "1"}}
assert agent.invoke(user("hello"), config) == "1 so far"
(asked,) = agent.invoke(user("pay"), config)["__interrupt__"]
assert asked.value == {"question": "Shall I?", "call": "pay"}
assert agent.invoke(Command(resume="yes"), config) == "4 so far"
assert agent.invoke(user("thanks"), config) == "6 so far"
