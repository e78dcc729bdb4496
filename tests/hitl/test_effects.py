"""A workflow's declared effects are known before anything has happened."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from hitl import effects
from hitl.errors import InvalidOption
from hitl.func import entrypoint, task


@task(effects=["payment", "letter"])
def pay() -> None: ...


@task(effects=["email"])
def write() -> None: ...


@task
def look() -> None: ...


@task
def close_case() -> None:
    write().result()


def settle() -> None:
    pay().result()


@entrypoint()
def direct(_: Any) -> None:
    look().result()
    pay().result()


@entrypoint()
def by_others(_: Any) -> None:
    settle()
    close_case().result()


@entrypoint()
def parent(_: Any) -> None:
    [direct.invoke(number) for number in range(2)]


tasks = ModuleType("tasks")
tasks.write = write  # type: ignore[attr-defined]


@entrypoint()
def through_a_module(_: Any) -> None:
    tasks.write().result()


def test_of_the_tasks_a_body_calls() -> None:
    assert effects.declared(direct) == {"pay": ("payment", "letter")}


def test_through_functions_and_other_tasks() -> None:
    assert effects.declared(by_others) == {"pay": ("payment", "letter"), "write": ("email",)}


def test_through_child_workflows_and_comprehensions() -> None:
    assert effects.declared(parent) == {"pay": ("payment", "letter")}


def test_through_a_module() -> None:
    assert effects.declared(through_a_module) == {"write": ("email",)}


def test_around_a_function() -> None:
    @task(effects=["fax"])
    def send() -> None: ...

    @entrypoint()
    def local(_: Any) -> None:
        send().result()

    assert effects.declared(local) == {"send": ("fax",)}


@pytest.mark.parametrize("wrong", ["email", [1], [""], ["email", "  "]])
def test_effects_are_a_list_of_words(wrong: Any) -> None:
    with pytest.raises(InvalidOption, match=r'effects=\["email"\]'):
        task(effects=wrong)(lambda: None)
