"""A process that was forked has none of its parent's threads, and must not use, nor close, its connections.

Who keeps such things in a module says here how a child begins anew. Django's own connections, and its pool, are left
to whoever forks, as ever.
"""

from __future__ import annotations

import os
from collections.abc import Callable


def in_child(begin_anew: Callable[[], None]) -> None:
    """Call it in every process that is forked from this one, before anything else runs there."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=begin_anew)
