"""What `manage.py hitl` can do, one module a subject.

Every module has `add_to(subparsers)`, which declares its subcommands and names the function that each one
runs. Such a function takes a `Console` and the parsed options and returns the exit code:

0   done, or the followed run finished
1   the followed run failed or was cancelled; `doctor` found something wrong; an open turn does not replay
2   the command line is wrong
3   no such workflow, thread, question or user
4   conflict: busy, interrupted, answered before, asked again since
5   a value does not fit, or is no JSON
6   the database is locked or gone
10  the followed run waits for a person
130 stopped by Ctrl-C

Results go to standard output, one thing a line or as JSON; remarks and errors go to standard error.
"""

from __future__ import annotations

from hitl.commands import answer, arguments, doctor, prune, replay, schedules, start, sweep, threads, worker, workflows

MODULES = (start, workflows, threads, answer, worker, schedules, prune, sweep, doctor, replay)

__all__ = ["MODULES", "arguments"]
