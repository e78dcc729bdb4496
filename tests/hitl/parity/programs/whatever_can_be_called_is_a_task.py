from functools import partial

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task


class Counter:
    def __init__(self):
        self.count = 0

    def add(self, number):
        self.count += number
        return self.count


def power(base, exponent):
    return base**exponent


@task(name="renamed")
def plain(value):
    """Documented."""
    return value


counter = Counter()
add = task(counter.add)
square = task(partial(power, exponent=2), name="square")


@entrypoint(checkpointer=InMemorySaver())
def graph(value):
    return [plain(value).result(), add(2).result(), square(3).result()]


assert list(graph.stream(1, {"configurable": {"thread_id": "1"}})) == [
    {"renamed": 1},
    {"add": 2},
    {"square": 9},
    {"graph": [1, 2, 9]},
]
assert plain.__doc__ == "Documented."
assert plain.__wrapped__(5) == 5
