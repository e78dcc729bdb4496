"""Branch markers: how code changes while turns are open (rule 14).

`changed("name")` is asked at the place where the new path leaves the old one. A turn that has been past that
place keeps the old path: the journal then holds something of the same scope (a call, a question or a timer)
that this replay has not met yet. Any other turn takes the new one, and a fact says so, because later replays
will find things beyond the place too. The fact goes along with the next one, so nothing of the new path is
ever recorded without it.
"""

from __future__ import annotations

from hitl import scope as scopes
from hitl.facts import Fact

MAX_NAME = 100


def changed(name: str) -> bool:
    """Whether this turn takes the new path here: `if changed("name"): new() else: old()`.

    True for turns that come to this place for the first time with this code, and for ever after in the same turn;
    False for turns that had been past it before the marker was there. Works in a body, a task or a child workflow.

    name: at most 100 printable characters; one decision for each name in a body or call, however often it is asked
    for. In a loop that an open turn may be in the middle of, put the number of the round into the name.
    Remove the marker, with the old path, once no turn from before is open; `manage.py hitl replay --check` tells.

    Raises NotInRun outside a run, ValueError for a name that cannot be one.
    """
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise ValueError(f"changed() takes a name of 1 to {MAX_NAME} printable characters, not {name!r}.")
    scope = scopes.require("changed()")
    leg = scope.leg
    leg.refuse_if_signalled()
    turn, path = leg.turn, f"{scope.path}#{name}"
    with leg.lock:
        new = turn.branches.get(path)
        if new is None:
            new = turn.branches[path] = not turn.holds_more(scope.path, scope.taken)
            if new:
                leg.buffer.add(Fact("branch", turn.number, path=path, name=name))
    return new
