"""What one process tells the others: which threads moved, who signed out, whose account changed.

Within a process the hubs are told directly. Other processes hear it through the channel layer, where there
is one that reaches them. Everything told here may be lost.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.db.models.signals import post_save
from django.http import HttpRequest

if TYPE_CHECKING:
    from reviewer.live.hub import Hub

_hubs: set[Hub] = set()


def connect() -> None:
    """Listen for what this process has to tell; called once, when the apps are ready."""
    user_logged_out.connect(_signed_out, dispatch_uid="reviewer.live")
    post_save.connect(_user_saved, sender=get_user_model(), dispatch_uid="reviewer.live")


def join(hub: Hub) -> Callable[[], None]:
    """Tell this hub from now on; returns how to leave."""
    _hubs.add(hub)
    return lambda: _hubs.discard(hub)


def digest(session_key: str) -> str:
    """What names a session to other processes: the key itself would let its reader in."""
    return blake2b(session_key.encode(), digest_size=16).hexdigest()


def tell(what: str, *args: Any) -> None:
    """Call a method of every hub, in its own loop."""
    for hub in list(_hubs):
        hub.call(what, *args)


def _signed_out(*, request: HttpRequest | None, **_: Any) -> None:
    key = request.session.session_key if request is not None else None
    if key:
        tell("signed_out", digest(key))


def _user_saved(*, instance: Any, update_fields: frozenset[str] | None, **_: Any) -> None:
    # Every sign-in saves this one field.
    if update_fields != frozenset({"last_login"}):
        transaction.on_commit(lambda: tell("user_changed", instance.pk))
