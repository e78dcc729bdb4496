"""Running a program that is data: the same walk over its statements for the engine and for the straight run.

Every call and question has a name of its own, `at`, that says where in the program it stands. It does not
go through the engine (arguments and texts are often equal), so it shows which call a result belongs to.
"""

from __future__ import annotations

from typing import Any, Protocol

from tests.hitl.model.program import LAST, VARIES, AsDone, Ask, Boom, Do, Fail, Hush, Loop, Node, Par, Spawn, T, Try


class World(Protocol):
    """Where a program runs."""

    def issue(self, walk: Walk, task: T, arg: Any, at: str) -> Any:
        """Call the task; returns a future."""

    def ask(self, walk: Walk, question: Ask, at: str) -> str:
        """The answer to the question."""

    def as_done(self, futures: list[Any]) -> list[int]:
        """The order in which to look at them."""

    def recorded_failures(self, walk: Walk) -> int:
        """How often the task that runs in this scope has failed for good."""

    def varying(self) -> Any:
        """Another value in every replay."""


class Walk:
    """One scope of a program: its body, or one run of a task."""

    def __init__(self, world: World, at: str = "") -> None:
        self.world = world
        self.at = at
        self.late: list[Any] = []
        # Whether the outcome of every call so far was looked at: only then may arguments vary (rule 12).
        self.alone = True
        self.last: Any = None
        self.notes: Any = None

    def scope(self, body: list[Any]) -> Any:
        values = self.block(body, f"{self.at}/")
        return [values, [future.result() for future in self.late]]

    def task(self, task: T, arg: Any) -> Any:
        """What the task itself does; its result says who it is."""
        value = [self.at, VARIES if task.arg == VARIES else arg, self.scope(task.body)]
        failed = self.world.recorded_failures(self) if task.flaky else 0
        if failed < task.flaky:
            raise Boom(f"{self.at} flaked for the {failed + 1}. time")
        return value

    def block(self, body: list[Any], at: str) -> list[Any]:
        values = []
        for number, statement in enumerate(body):
            self.last = self.step(statement, f"{at}{number}")
            values.append(self.last)
        return values

    def step(self, statement: Node, at: str) -> Any:
        return getattr(self, f"on_{type(statement).__name__}")(statement, at)

    def issue(self, task: T, at: str) -> Any:
        arg = task.arg
        if arg == LAST:
            arg = self.last
        elif arg == VARIES and self.alone:
            arg = self.world.varying()
        return self.world.issue(self, task, arg, at)

    def on_Ask(self, ask: Ask, at: str) -> Any:
        answer = self.world.ask(self, ask, at)
        if ask.picky and answer.endswith("bad"):
            raise Boom(f"{at} refused {answer}")
        return answer

    def on_Do(self, do: Do, at: str) -> Any:
        return self.issue(do.task, at).result()

    def on_Par(self, par: Par, at: str) -> Any:
        alone, self.alone = self.alone, False
        futures = [self.issue(task, f"{at}.{number}") for number, task in enumerate(par.tasks)]
        if not par.quiet:
            values = [future.result() for future in futures]
            self.alone = alone
            return values
        self.alone = alone
        errors = [future.exception() for future in futures]
        return [str(error) if error else future.result() for error, future in zip(errors, futures, strict=True)]

    def on_AsDone(self, as_done: AsDone, at: str) -> Any:
        self.alone = False
        futures = [self.issue(task, f"{at}.{number}") for number, task in enumerate(as_done.tasks)]
        values: dict[int, Any] = {}
        then: dict[int, Any] = {}
        for number in self.world.as_done(futures):
            self.last = values[number] = outcome(futures[number])
            then[number] = self.issue(as_done.then, f"{at}.{number}+")
        return [[values[number], outcome(then[number])] for number in sorted(values)]

    def on_Spawn(self, spawn: Spawn, at: str) -> Any:
        self.alone = False
        future = self.issue(spawn.task, at)
        if spawn.late:
            self.late.append(future)

    def on_Try(self, attempt: Try, at: str) -> Any:
        try:
            return self.block(attempt.body, f"{at}.")
        except Boom as error:
            return [str(error), self.block(attempt.handler, f"{at}!")]

    def on_Hush(self, hush: Hush, at: str) -> Any:
        try:
            return self.block(hush.body, f"{at}.")
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return str(error) if isinstance(error, Boom) else "a signal was swallowed"

    def on_Loop(self, loop: Loop, at: str) -> Any:
        return [self.block(loop.body, f"{at}#{number}.") for number in range(loop.times)]

    def on_Fail(self, fail: Fail, at: str) -> Any:
        raise Boom(at)


def outcome(future: Any) -> Any:
    """The result, or the failure as a value."""
    try:
        return future.result()
    except Boom as error:
        return str(error)
