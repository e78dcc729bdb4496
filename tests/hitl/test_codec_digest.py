"""A digest tells values apart, does not depend on chance, and never fails."""

from __future__ import annotations

import dataclasses
import itertools
import os
import subprocess
import sys
from typing import Any

from hitl import codec
from hitl.codec import digesting


def test_it_is_32_hex_digits_and_the_same_in_every_process() -> None:
    assert codec.digest({"b": {"x", "y", "z"}, "a": 1}) == codec.digest({"a": 1, "b": {"z", "y", "x"}})
    program = "from hitl import codec; print(codec.digest(({'b': {'x', 'y', 'z'}}, (), {1: 'a', 'b': None})))"
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    (digest,) = found
    assert len(digest.strip()) == 32
    assert int(digest, 16)


def test_different_values_have_different_digests() -> None:
    values: list[Any] = [
        1, 1.0, True, "1", b"1", None, "None", 0, 0.0, -0.0, False, "", (), [], {}, set(), frozenset(),
        [1], (1,), {1}, {1: 1}, {"1": 1}, [[1]], [1, 2], [2, 1], ["1", 2], {"$": 1}, {"$": "tuple", "v": [1]},
        "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"), "\ud83d" + "\ude00", float("nan"), "nan",
    ]  # fmt: skip
    for one, other in itertools.combinations(values, 2):
        assert codec.digest(one) != codec.digest(other), (one, other)


def test_the_order_of_a_dict_does_not_matter_at_any_depth() -> None:
    assert codec.digest({"a": 1, "b": 2}) == codec.digest({"b": 2, "a": 1})
    assert codec.digest([{(1,): 1, None: 2}]) == codec.digest([{None: 2, (1,): 1}])
    assert codec.digest([{"a": 1, "b": ({"c": 1, "d": 2},)}]) == codec.digest([{"b": ({"d": 2, "c": 1},), "a": 1}])


def test_what_cannot_be_stored_counts_as_its_types_name() -> None:
    assert codec.digest([object(), 1]) == codec.digest([object(), 1])
    assert codec.digest([object(), 1]) != codec.digest([object(), 2])
    assert codec.digest(object()) != codec.digest(print)

    @dataclasses.dataclass
    class Unregistered:
        a: int

    assert codec.digest(Unregistered(1)) == codec.digest(Unregistered(2))


def test_it_never_fails() -> None:
    class Hostile:
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError(name)

        def __repr__(self) -> str:
            raise RuntimeError

    ring: list[Any] = []
    ring.append(ring)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (ring, deep, Hostile(), {Hostile(): 1}, [10**6000], {"a": ring, "b": [deep]}):
        assert codec.digest(value) == codec.digest(value)
    while deep:  # taken apart by hand: the interpreter would do it recursively
        deep = deep.pop()


def test_it_comes_to_an_end(monkeypatch: Any) -> None:
    monkeypatch.setattr(digesting, "_MOST", 1_000_000)
    ring: list[Any] = []
    ring += [ring, ring]
    unfolding: list[Any] = [1]
    for _ in range(100):
        unfolding = [unfolding, unfolding]
    for value in (ring, unfolding):
        assert codec.digest(value) == codec.digest(value)


def test_large_values_are_told_apart() -> None:
    text = "x" * 5_000_000
    assert codec.digest([text + "a"]) != codec.digest([text + "b"])
    numbers = list(range(200_000))
    assert codec.digest(numbers) != codec.digest([*numbers[:-1], 0])
