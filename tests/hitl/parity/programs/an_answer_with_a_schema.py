from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import is_invalid_resume
from langgraph.func import entrypoint
from langgraph.types import Command, interrupt
from pydantic import BaseModel


class Decision(BaseModel):
    amount: int
    note: str = ""


@entrypoint(checkpointer=InMemorySaver())
def graph(value):
    decision = interrupt("How much?", response_schema=Decision)
    return [type(decision).__name__, decision.amount, decision.note]


config = {"configurable": {"thread_id": "1"}}
(asked,) = graph.invoke("in", config)["__interrupt__"]
assert asked.response_schema["properties"]["amount"] == {"title": "Amount", "type": "integer"}
try:
    graph.invoke(Command(resume={"amount": "much"}), config)
except ValueError as error:
    assert is_invalid_resume(error)
assert graph.get_state(config).interrupts[0].id == asked.id
assert graph.invoke(Command(resume={"amount": 5}), config) == ["Decision", 5, ""]
