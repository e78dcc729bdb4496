"""`CachePolicy`: results shared between threads, in Django's cache or in memory (item 23, rule 32)."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.core.cache import cache as django_cache
from django.core.cache.backends.locmem import LocMemCache

from hitl.cache.memory import InMemoryCache
from hitl.errors import UnstorableValue
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import CachePolicy, Command, interrupt
from tests.hitl.programs import facts, on

CACHED = {"__metadata__": {"cached": True}}


@pytest.fixture(params=["given", "django"])
def cache(request: pytest.FixtureRequest) -> Any:
    """A cache that the entrypoint is given, and Django's, which it finds by itself."""
    django_cache.clear()
    return InMemoryCache() if request.param == "given" else None


def program(store: Store, cache: Any, **options: Any) -> tuple[Any, Any, list[Any]]:
    ran: list[Any] = []

    @task(cache_policy=CachePolicy(**options))
    def rate(currency, amount=1):
        ran.append((currency, amount))
        return (currency, len(ran))

    @entrypoint(checkpointer=store, cache=cache)
    def graph(value):
        return rate(*value).result()

    return graph, rate, ran


def test_a_result_is_shared_between_threads(store: Store, cache: Any) -> None:
    graph, _, ran = program(store, cache)
    assert graph.invoke(["EUR"], on("1")) == ("EUR", 1)
    assert graph.invoke(["EUR"], on("2")) == ("EUR", 1)
    assert graph.invoke(["USD"], on("3")) == ("USD", 2)
    assert ran == [("EUR", 1), ("USD", 1)]


def test_a_hit_shows_in_the_stream_and_is_a_fact(store: Store, cache: Any) -> None:
    graph, _, _ = program(store, cache)
    graph.invoke(["EUR"], on("1"))
    chunks = list(graph.stream(["EUR"], on("2")))
    assert chunks == [{"rate": ("EUR", 1)} | CACHED, {"graph": ("EUR", 1)}]
    first, second = facts(store, "task", thread_id="1"), facts(store, "task", thread_id="2")
    assert [fact.value for fact in first] == [fact.value for fact in second]
    assert second[0].detail["cached"] is True and "cached" not in first[0].detail


def test_replay_never_asks_the_cache(store: Store) -> None:
    class Asked(InMemoryCache):
        times = 0

        def get(self, key: str, /) -> Any:
            self.times += 1
            return super().get(key)

    cache = Asked()

    @task(cache_policy=CachePolicy())
    def rate():
        return 1.1

    @entrypoint(checkpointer=store, cache=cache)
    def graph(value):
        return [rate().result(), interrupt("Go on?")]

    graph.invoke("in", on())
    asked = cache.times
    cache.clear()
    assert graph.invoke(Command(resume="yes"), on()) == [1.1, "yes"]
    assert cache.times == asked


def test_none_is_a_result_like_any(store: Store, cache: Any) -> None:
    ran: list[int] = []

    @task(cache_policy=CachePolicy())
    def nothing():
        ran.append(1)

    @entrypoint(checkpointer=store, cache=cache)
    def graph(value):
        return nothing().result()

    assert [graph.invoke("in", on(name)) for name in "ab"] == [None, None]
    assert ran == [1]


def test_only_successes_are_cached(store: Store, cache: Any) -> None:
    ran: list[int] = []

    @task(cache_policy=CachePolicy())
    def flaky():
        ran.append(1)
        if len(ran) < 2:
            raise ValueError("wrong")
        return "right"

    @entrypoint(checkpointer=store, cache=cache)
    def graph(value):
        return flaky().result()

    with pytest.raises(ValueError, match="wrong"):
        graph.invoke("in", on("1"))
    assert graph.invoke("in", on("2")) == "right"
    assert graph.invoke("in", on("3")) == "right"
    assert ran == [1, 1]


def test_key_func_says_what_a_call_is_known_by(store: Store, cache: Any) -> None:
    graph, _, ran = program(store, cache, key_func=lambda currency, amount=1: currency)
    graph.invoke(["EUR", 1], on("1"))
    assert graph.invoke(["EUR", 2], on("2")) == ("EUR", 1)
    assert ran == [("EUR", 1)]


def test_keyword_arguments_count(store: Store, cache: Any) -> None:
    ran: list[Any] = []

    @task(cache_policy=CachePolicy())
    def rate(currency, *, amount):
        ran.append(amount)

    @entrypoint(checkpointer=store, cache=cache)
    def graph(value):
        rate("EUR", amount=value).result()

    for thread_id, amount in enumerate([1, 2, 1]):
        graph.invoke(amount, on(str(thread_id)))
    assert ran == [1, 2]


def test_two_tasks_of_the_same_arguments_are_two(store: Store, cache: Any) -> None:
    @task(cache_policy=CachePolicy())
    def one(value):
        return "one"

    @task(cache_policy=CachePolicy())
    def two(value):
        return "two"

    @entrypoint(checkpointer=store, cache=cache)
    def graph(value):
        return [one(value).result(), two(value).result()]

    assert [graph.invoke("in", on(name)) for name in "ab"] == [["one", "two"]] * 2


def test_arguments_that_cannot_be_told_apart_are_refused(store: Store, cache: Any) -> None:
    """As digests they would be equal, and one client would get the other's result."""
    ran: list[int] = []

    @task(cache_policy=CachePolicy())
    def fetch(client):
        ran.append(1)

    @entrypoint(checkpointer=store, cache=cache)
    def graph(value):
        return fetch(object()).result()

    with pytest.raises(UnstorableValue, match="key_func"):
        graph.invoke("in", on())
    assert ran == []


def test_after_its_ttl_it_is_gone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from hitl.cache import memory

    now = [100.0]
    monkeypatch.setattr(memory, "monotonic", lambda: now[0])
    graph, _, ran = program(store, InMemoryCache(), ttl=60)
    for thread_id, moment in enumerate([100.0, 159.0, 161.0]):
        now[0] = moment
        graph.invoke(["EUR"], on(str(thread_id)))
    assert len(ran) == 2


def test_the_ttl_reaches_djangos_cache(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(LocMemCache, "set", lambda cache, key, value, timeout=0: seen.append(timeout))
    for ttl in (60, None):
        program(store, None, ttl=ttl)[0].invoke(["EUR"], on(str(ttl)))
    assert seen == [60, None]


def test_clear_cache_forgets_this_tasks_results_and_no_others(store: Store, cache: Any) -> None:
    ran: list[str] = []

    @task(cache_policy=CachePolicy())
    def one():
        ran.append("one")

    @task(cache_policy=CachePolicy())
    def two():
        ran.append("two")

    @entrypoint(checkpointer=store, cache=cache)
    def graph(value):
        one().result()
        two().result()

    graph.invoke("in", on("1"))
    one.clear_cache(cache)
    graph.invoke("in", on("2"))
    graph.invoke("in", on("3"))
    assert ran == ["one", "two", "one"]


async def test_aclear_cache_and_asynchronous_tasks(store: Store) -> None:
    ran: list[int] = []
    cache = InMemoryCache()

    @task(cache_policy=CachePolicy())
    async def rate():
        ran.append(1)
        return len(ran)

    @entrypoint(checkpointer=store, cache=cache)
    async def graph(value):
        return await rate()

    assert [await graph.ainvoke("in", on(name)) for name in "ab"] == [1, 1]
    await rate.aclear_cache(cache)
    assert await graph.ainvoke("in", on("c")) == 2


class Away(InMemoryCache):
    def __init__(self, *, reads: bool) -> None:
        super().__init__()
        self.reads = reads

    def get(self, key: str, /) -> Any:
        if not self.reads:
            raise ConnectionError("the cache is away")
        return super().get(key)

    def set(self, key: str, value: Any, /, timeout: int | None = None) -> None:
        raise ConnectionError("the cache is away")


@pytest.mark.parametrize("reads", [True, False], ids=["when writing", "at all"])
def test_a_cache_that_is_away_costs_a_line_in_the_log(
    store: Store, caplog: pytest.LogCaptureFixture, *, reads: bool
) -> None:
    graph, _, ran = program(store, Away(reads=reads))
    with caplog.at_level(logging.WARNING, logger="hitl.caching"):
        assert graph.invoke(["EUR"], on()) == ("EUR", 1)
        store.submit(lambda: None, key="1").result()
    assert len(ran) == 1
    if not reads:
        assert "the cache is away" in caplog.text


def test_what_stands_in_the_cache_and_cannot_be_read_is_not_there(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    class Spoilt(InMemoryCache):
        def get(self, key: str, /) -> Any:
            return '{"$":"nonsense"'

    graph, _, ran = program(store, Spoilt())
    assert graph.invoke(["EUR"], on()) == ("EUR", 1)
    assert len(ran) == 1 and "cannot be read" in caplog.text


def test_a_task_without_a_policy_is_not_cached(store: Store) -> None:
    ran: list[int] = []

    @task
    def rate():
        ran.append(1)

    @entrypoint(checkpointer=store, cache=InMemoryCache())
    def graph(value):
        rate().result()

    for name in "ab":
        graph.invoke("in", on(name))
    assert ran == [1, 1]


def test_a_workflow_is_cached_as_a_whole(store: Store, cache: Any) -> None:
    ran: list[Any] = []

    @entrypoint(checkpointer=store, cache=cache, cache_policy=CachePolicy())
    def graph(value, *, previous):
        ran.append(value)
        return entrypoint.final(value=value * 2, save=[previous, value])

    assert graph.invoke(2, on("1")) == 4
    assert list(graph.stream(2, on("2"))) == [{"graph": 4} | CACHED]
    assert ran == [2]
    assert graph.invoke(3, on("2")) == 6
    assert store.value_at("2", store.thread("2").previous_seq) == "[[null,2],3]"


def test_a_child_workflow_is_cached_like_a_task(store: Store, cache: Any) -> None:
    ran: list[int] = []

    @entrypoint(cache_policy=CachePolicy())
    def child(value):
        ran.append(value)
        return value

    @entrypoint(checkpointer=store, cache=cache)
    def graph(value):
        return child.invoke(value)

    assert [graph.invoke(1, on(name)) for name in "ab"] == [1, 1]
    assert ran == [1]
