"""When a failed call is tried again, and after how long (item 22, rule 25)."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Sequence
from typing import Any

from hitl.errors import Invalid, InvalidOption, NodeTimeoutError

# Beyond this, lease and slot are given back and a timer brings the call back.
LONGEST_WAIT_SECONDS = 10.0

_NOT_RETRIED = (
    ValueError,
    TypeError,
    ArithmeticError,
    ImportError,
    LookupError,
    NameError,
    SyntaxError,
    RuntimeError,
    ReferenceError,
    StopIteration,
    StopAsyncIteration,
    OSError,
)


def default_retry_on(error: BaseException) -> bool:
    """Whether an error looks passing: lost connections, timeouts and servers' errors yes, mistakes in the code no."""
    if isinstance(error, (ConnectionError, NodeTimeoutError)):
        return True
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(status, int):
        return 500 <= status < 600
    return not isinstance(error, _NOT_RETRIED)


def _is_error(wanted: Any) -> bool:
    return isinstance(wanted, type) and issubclass(wanted, BaseException)


RetryOn = type[BaseException] | Sequence[type[BaseException]] | Callable[[BaseException], bool]


@dataclasses.dataclass(frozen=True)
class RetryPolicy:
    """How often and when to try a call again.

    initial_interval: seconds before the second attempt. backoff_factor: by which each wait is longer than the
    one before. max_interval: seconds that no wait exceeds. max_attempts: the first one included. jitter: add up
    to a second at random. retry_on: exception classes, or a function that says whether to retry.
    The names and defaults are LangGraph's; attempts and long waits are durable here (rule 25).
    """

    initial_interval: float = 0.5
    backoff_factor: float = 2.0
    max_interval: float = 128.0
    max_attempts: int = 3
    jitter: bool = True
    retry_on: RetryOn = default_retry_on

    def __post_init__(self) -> None:
        wanted: Any = self.retry_on
        classes = wanted if isinstance(wanted, Sequence) else [wanted]
        if not callable(wanted) and not (classes and all(_is_error(one) for one in classes)):
            raise InvalidOption(
                "retry_on must be an Exception class, a list or tuple of Exception classes, or a callable, and not "
                f"{wanted!r}. Leave it out to retry what looks passing."
            )

    def matches(self, error: BaseException) -> bool:
        wanted: Any = self.retry_on
        if isinstance(wanted, type):
            return isinstance(error, wanted)
        if isinstance(wanted, Sequence):
            return isinstance(error, tuple(wanted))
        return bool(wanted(error))

    def wait_seconds(self, attempt: int) -> float:
        """How long to wait after this attempt, the first being 1."""
        try:
            wait = min(self.initial_interval * self.backoff_factor ** (attempt - 1), self.max_interval)
        except OverflowError:
            wait = self.max_interval
        return wait + random.random() if self.jitter else wait


Policies = Sequence[RetryPolicy]


def policies(given: RetryPolicy | Policies | None) -> Policies:
    if given is None:
        return ()
    policies = (given,) if isinstance(given, RetryPolicy) else tuple(given)
    for policy in policies:
        if not isinstance(policy, RetryPolicy):
            raise InvalidOption(f"retry_policy is a RetryPolicy or several, and not {policy!r:.50}.")
    return policies


def next_wait_seconds(given: Policies, attempt: int, error: BaseException) -> float | None:
    """How long to wait before the next attempt, by the first policy that matches; None: the failure stands.

    What cannot be stored is never tried again by itself: its effect has happened (rule 26).
    """
    if isinstance(error, Invalid):
        return None
    for policy in given:
        if policy.matches(error):
            return policy.wait_seconds(attempt) if attempt < policy.max_attempts else None
    return None
