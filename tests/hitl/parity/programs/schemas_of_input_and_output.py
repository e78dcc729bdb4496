from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint
from pydantic import BaseModel


class Order(BaseModel):
    amount: int


@entrypoint(checkpointer=InMemorySaver(), context_schema=Order)
def graph(number: int) -> list[str]:
    return [str(number)]


@entrypoint(checkpointer=InMemorySaver())
def order(given: Order, *, previous: int | None = None) -> entrypoint.final[str, int]:
    return entrypoint.final(value="", save=0)


assert graph.get_input_jsonschema() == {"title": "LangGraphInput", "type": "integer"}
assert graph.get_output_jsonschema() == {"items": {"type": "string"}, "title": "LangGraphOutput", "type": "array"}
assert graph.get_context_jsonschema()["properties"] == {"amount": {"title": "Amount", "type": "integer"}}
assert order.get_input_jsonschema()["title"] == "Order"
assert order.get_output_jsonschema() == {"title": "LangGraphOutput", "type": "string"}
assert order.get_context_jsonschema() is None
assert (graph.stream_mode, order.stream_mode) == ("updates", "updates")
