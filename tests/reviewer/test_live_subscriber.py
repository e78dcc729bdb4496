"""A slow reader misses nothing, sees nothing twice, and delays nobody."""

from __future__ import annotations

import asyncio

import pytest

from reviewer.live.subscriber import Closed, Message, Subscriber


def message(seq: int) -> Message:
    return Message("t1", seq, {"en": f"up to {seq}"})


class Source:
    """What a catching-up connection reads: always everything up to `seq`."""

    def __init__(self, seq: int) -> None:
        self.seq = seq
        self.readings: list[int] = []

    async def catch_up(self, subscriber: Subscriber, thread_id: str) -> None:
        self.readings.append(subscriber.sent[thread_id])
        subscriber.caught_up(message(self.seq), topic_seq=self.seq)


def reader(*, max_waiting: int = 2) -> Subscriber:
    subscriber = Subscriber(user_id=1, session_key="k", max_waiting=max_waiting)
    subscriber.follow("t1", after=0)
    return subscriber


async def test_a_new_reader_first_reads_what_it_has_missed() -> None:
    subscriber, source = reader(), Source(5)
    subscriber.offer(message(6))
    assert await subscriber.next(source.catch_up) == "up to 5"
    assert source.readings == [0]


async def test_a_message_that_was_read_already_is_not_sent_again() -> None:
    subscriber, source = reader(), Source(5)
    await subscriber.next(source.catch_up)
    subscriber.offer(message(5))
    subscriber.offer(message(6))
    assert await subscriber.next(source.catch_up) == "up to 6"


async def test_one_that_falls_behind_reads_the_gap_itself_when_it_has_time() -> None:
    subscriber, source = reader(), Source(1)
    await subscriber.next(source.catch_up)
    for seq in range(2, 50):
        subscriber.offer(message(seq))
    source.seq = 49
    got = [await subscriber.next(source.catch_up) for _ in range(3)]
    assert got == ["up to 2", "up to 3", "up to 49"]
    assert source.readings == [0, 3]
    subscriber.offer(message(50))
    assert await subscriber.next(source.catch_up) == "up to 50"


async def test_one_that_read_less_than_was_broadcast_meanwhile_reads_again() -> None:
    subscriber = reader()
    readings = iter([3, 7])

    async def catch_up(subscriber: Subscriber, thread_id: str) -> None:
        subscriber.caught_up(message(next(readings)), topic_seq=7)

    assert [await subscriber.next(catch_up) for _ in range(2)] == ["up to 3", "up to 7"]
    assert not subscriber.behind


async def test_a_close_overtakes_what_waits() -> None:
    subscriber, source = reader(), Source(1)
    await subscriber.next(source.catch_up)
    subscriber.offer(message(2))
    subscriber.close(4401)
    with pytest.raises(Closed) as closed:
        await subscriber.next(source.catch_up)
    assert closed.value.code == 4401


async def test_waiting_ends_with_the_next_message() -> None:
    subscriber, source = reader(), Source(1)
    await subscriber.next(source.catch_up)
    waiting = asyncio.create_task(subscriber.next(source.catch_up))
    await asyncio.sleep(0)
    subscriber.offer(message(2))
    assert await waiting == "up to 2"
