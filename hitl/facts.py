"""What a journal holds: facts, one row each, numbered per thread.

kind        written by   value            detail
----------  -----------  ---------------  -----------------------------------------------------------
input       start        the input        author; run, workflow, version, idempotency_key, metadata; was; back_to
leg         executor     –                runs taken up, owner, code_version
call        executor     –                args; a call that was open when the leg paused
task        executor     the result       args (text, up to 8 kB, else digest and size); cached
error       executor     –                args; type, bases, message, traceback: a call that raised
attempt     executor     –                args; type, message, traceback; void; due (the next one); began (the first)
timer       executor     –                until; path is "<call path>~<n>"
wait        executor     –                seen, until: the leg ended, a timer brings it back
branch      executor     –                –                     (path is "<call path>#<name>": changed() was True)
event       executor     what was written –                     (path is "<call path>!<attempt>.<n>")
warning     executor     –                message               (rule 12: bound by position)
question    executor     the question     id, version, key, schema, question_kind, title; priority, due_at
pause       executor     –                seen: answers up to this seq were delivered
output      executor     the output       cached
save        executor     `previous`       –                     (only where it differs from the output)
failed      executor     –                type, message, traceback; poisoned
reopen      executor     –                id, version, problem  (rule 21; attempt is the new version)
answer      answer       the answer       author; id, version, run, token, before
hold        answer       the answer       author; id, version, token, release_at
undo        undo         –                author; id, version (the new one)
release     sweep        the answer       author (who held it); id, version, run, token
retry       retry        –                author; run, code: nothing but the request
enqueue     start        the input        author; run, workflow, version, idempotency_key, metadata; strategy, run_at
withdraw    cancel       –                author; run, reason: a start that waited is not to begin
assign      assign       –                author; id, to (user id or null), to_name
triage      triage       –                author; id, priority, due_at
discard     start        –                author; the open turn was given up for new input
rollback    start        –                author; first (where that turn opens); metadata, previous_seq as before it
cancel      cancel       –                author; reason
fork        fork         –                author; run, version, was; base, turn_seq (where its turn opens), previous_seq
update      update_state the value        author; workflow; base, previous_seq (where an older value is restored)
prune       prune        –                author; first, kept: what is before `first` and not kept is forgotten; stands

"author" is three keys: by (user id or null), by_name, channel. "was" is what a new turn changes on its thread.
"back_to", of an input that goes back, is two: base, previous_seq.
"stands", of a pruning that keeps no turn, is what the thread's columns are.

A path is the body's "" or segments of 16 hex digits joined by "/", one per call on the way down; each
segment is the digest of (task name, argument digest, n-th with that digest), so a path says which call
it is and not only where it stood (rule 12).
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from time import time_ns
from typing import Any

# Facts that say nothing to a replay: loading a turn leaves them where they are.
NOT_REPLAYED = ("event", "leg", "warning", "assign", "triage", "hold", "prune", "enqueue", "withdraw")


MAX_NAME = 200


@dataclasses.dataclass(slots=True)
class Fact:
    """One durable fact, before and after it is written; `seq` is 0 until then."""

    kind: str
    turn: int
    path: str = ""
    attempt: int = 1
    name: str = ""
    digest: str = ""
    position: int = 0
    alone: bool = False
    value: str | None = None
    detail: dict[str, Any] = dataclasses.field(default_factory=dict)
    started_at: datetime | None = None
    created_at: datetime = dataclasses.field(default_factory=lambda: datetime.now(UTC))
    seq: int = 0
    epoch: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Author:
    """Who did it: a user's primary key (None for code), a name that outlives the user, and the channel."""

    by: Any = None
    name: str = "code"
    channel: str = "code"

    @classmethod
    def of(cls, who: Any, channel: str = "code") -> Author:
        """From a Django user, a plain name, or None for "code"."""
        if isinstance(who, Author):
            return who
        if who is None or isinstance(who, str):
            return cls(None, (who or "code")[:MAX_NAME], channel)
        return cls(who.pk, who.get_username(), channel)

    def detail(self) -> dict[str, Any]:
        return {"by": self.by, "by_name": self.name, "channel": self.channel}

    @classmethod
    def read(cls, detail: dict[str, Any]) -> Author:
        return cls(detail.get("by"), detail.get("by_name", ""), detail.get("channel", ""))


def new_id() -> str:
    """A version 7 UUID as text: unique, and later ones sort after earlier ones."""
    stamp = (time_ns() // 1_000_000) << 80
    noise = uuid.uuid4().int & ((1 << 80) - 1)
    number = (stamp | noise) & ~(0xF << 76) & ~(0x3 << 62) | (0x7 << 76) | (0x2 << 62)
    return str(uuid.UUID(int=number))


def segment(name: str, digest: str, nth: int) -> str:
    """The address of a call below its parent."""
    return blake2b(f"{name}\0{digest}\0{nth}".encode(), digest_size=8).hexdigest()


def child(parent: str, part: str) -> str:
    return f"{parent}/{part}" if parent else part


def ancestors(path: str) -> Iterator[str]:
    """`a/b/c` gives "", "a", "a/b" and "a/b/c": a path and all that is above it."""
    yield ""
    if path:
        parts = path.split("/")
        for end in range(1, len(parts) + 1):
            yield "/".join(parts[:end])


def question_id(thread_id: str, turn: int, path: str, place: str) -> str:
    """32 hex digits, the same on every replay, another for every other place, turn or thread."""
    return blake2b(f"{thread_id}\0{turn}\0{path}\0{place}".encode(), digest_size=16).hexdigest()
