"""Actions that a program wants to take, and what a person decides about each, whatever the wire calls it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from hitl.questions.wording import one_line

APPROVE, EDIT, RESPOND, REJECT, IGNORE = "approve", "edit", "respond", "reject", "ignore"
# The order in which decisions are offered, everywhere.
DECISIONS = (APPROVE, EDIT, RESPOND, REJECT, IGNORE)

# Arguments that say best what an action does it to, and the word that leads to them.
TARGETS = {
    **dict.fromkeys(("to", "recipient", "recipients", "email", "customer", "channel", "user"), " to "),
    **dict.fromkeys(("path", "file", "filename", "file_path", "url", "query", "sql", "command", "id", "name"), " "),
}
TARGET_LENGTH = 48


@dataclasses.dataclass(frozen=True, slots=True)
class Action:
    """One call that waits for a decision.

    allowed: the decisions that may be made about it, in the order of `DECISIONS`.
    args_schema: JSON Schema of edited arguments, with its own `$defs`; None where any object will do.
    """

    name: str
    args: dict[str, Any]
    allowed: tuple[str, ...]
    description: str = ""
    args_schema: dict[str, Any] | None = None

    @property
    def title(self) -> str:
        """What would happen, in words: `send_email` to `a@x.io` as "Send email to a@x.io"."""
        target = next((f"{lead}{target}" for key, lead in TARGETS.items() if (target := _target(self.args, key))), "")
        return one_line(f"{in_words(self.name)}{target}")


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """What was decided: `args` are the edited ones, `message` is what was said with it."""

    type: str
    args: dict[str, Any] | None = None
    message: str | None = None


def in_order(allowed: Sequence[Any]) -> tuple[str, ...]:
    """The known ones of these decisions, in their order."""
    return tuple(decision for decision in DECISIONS if decision in allowed)


def in_words(name: str) -> str:
    """A function's name as words: `send_email` and `sendEmail` as "Send email"."""
    parted = "".join(f" {char.lower()}" if _starts_word(name, at) else char for at, char in enumerate(name))
    words = " ".join(parted.replace("_", " ").replace("-", " ").split())
    return words[:1].upper() + words[1:] if words else name


def _starts_word(name: str, at: int) -> bool:
    return at > 0 and name[at].isupper() and name[at - 1].islower()


def _target(args: dict[str, Any], key: str) -> str:
    value = args.get(key)
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        value = value[0] if len(value) == 1 else f"{value[0]} and {len(value) - 1} more"
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        return ""
    text = one_line(str(value))
    return text if len(text) <= TARGET_LENGTH else text[: TARGET_LENGTH - 1].rstrip() + "…"
