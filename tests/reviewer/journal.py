"""Journals written by hand, for tests of what reads them: no engine runs, nothing is timed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.utils import timezone

from hitl import codec
from hitl.models import Checkpoint, Interrupt, Run, Thread

UNSET = object()


class Journal:
    """One thread and its facts; `add` appends one and raises the thread's seq with it."""

    def __init__(self, thread_id: str, *, workflow: str = "graph", status: str = "busy") -> None:
        now = timezone.now()
        self.id = thread_id
        self.thread = Thread.objects.create(
            id=thread_id, workflow=workflow, status=status, turn=1, turn_seq=1, created_at=now, updated_at=now
        )
        Run.objects.create(
            id=f"run-{thread_id}"[:36],
            thread=self.thread,
            workflow=workflow,
            kind="start",
            status="running",
            turn=1,
            seq=1,
            requested_by_name="ana",
            channel="web",
            created_at=now,
        )

    @property
    def seq(self) -> int:
        return self.thread.seq

    def add(
        self,
        kind: str,
        *,
        path: str = "",
        name: str = "",
        value: Any = UNSET,
        turn: int = 1,
        attempt: int = 1,
        **detail: Any,
    ) -> Checkpoint:
        self.thread.seq += 1
        now = timezone.now()
        fact = Checkpoint.objects.create(
            thread=self.thread,
            seq=self.thread.seq,
            kind=kind,
            turn=turn,
            path=path or f"~{self.thread.seq}",
            name=name,
            attempt=attempt,
            value=None if value is UNSET else codec.encode(value),
            detail=json.dumps(detail),
            started_at=now - timedelta(milliseconds=34) if kind in ("task", "error") else None,
            created_at=now,
        )
        Thread.objects.filter(id=self.id).update(seq=self.thread.seq)
        return fact

    def ask(self, question_id: str, title: str, *, status: str = "pending", **fields: Any) -> Interrupt:
        """The row of a question, with its fact."""
        fact = self.add("question", value=title, id=question_id, title=title)
        return Interrupt.objects.create(
            id=question_id,
            thread=self.thread,
            workflow=self.thread.workflow,
            turn=1,
            value=codec.encode(title),
            digest="0" * 32,
            kind="text",
            title=title,
            search=title,
            status=status,
            asked_seq=fact.seq,
            asked_at=fact.created_at,
            urgent_at=fact.created_at,
            updated_at=fact.created_at,
            **fields,
        )

    def set(self, status: str, *, run: str) -> None:
        """Where the thread and its run stand now."""
        Thread.objects.filter(id=self.id).update(status=status)
        Run.objects.filter(thread_id=self.id).update(status=run)

    def facts(self) -> list[Checkpoint]:
        return list(Checkpoint.objects.of(self.id))
