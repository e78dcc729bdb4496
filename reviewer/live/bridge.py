"""What one process tells the others: which threads moved, who signed out, whose account changed.

The hubs of this process are told directly, those of others over the wire. Everything told here may be lost.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.db.models.signals import post_save
from django.http import HttpRequest

from hitl import announce
from reviewer.live import wire

if TYPE_CHECKING:
    from reviewer.live.hub import Hub

logger = logging.getLogger("reviewer.live")

# What a hub does when another process says so.
TOLD = ("moved", "signed_out", "user_changed", "beside", "typed", "present")
ME = uuid4().hex

_hubs: set[Hub] = set()
_outbox: SimpleQueue[str] = SimpleQueue()
_sender: Thread | None = None


def connect() -> None:
    """Tell the other processes what happens in this one; called once, when the apps are ready."""
    user_logged_out.connect(_signed_out, dispatch_uid="reviewer.live")
    post_save.connect(_user_saved, sender=get_user_model(), dispatch_uid="reviewer.live")
    if wire.wire() is not None:
        announce.listen(_send_moved)


def join(hub: Hub) -> Callable[[], None]:
    """Tell this hub from now on; returns how to leave."""
    _hubs.add(hub)
    return lambda: _hubs.discard(hub)


def digest(session_key: str) -> str:
    """What names a session to other processes: the key itself would let its reader in."""
    return blake2b(session_key.encode(), digest_size=16).hexdigest()


def heard(hub: Hub, text: str) -> None:
    """Do what another process has told. A text that makes no sense comes from another version: leave it."""
    try:
        sender, what, *args = json.loads(text)
    except (ValueError, TypeError):
        return
    if sender != ME and what in TOLD:
        getattr(hub, what)(*args)


def tell(what: str, *args: Any) -> None:
    """Call `what` of every hub, here and in other processes."""
    for hub in list(_hubs):
        hub.call(what, *args)
    send(what, *args)


def _signed_out(*, request: HttpRequest | None, **_: Any) -> None:
    key = request.session.session_key if request is not None else None
    if key:
        tell("signed_out", digest(key))


def _user_saved(*, instance: Any, update_fields: frozenset[str] | None, **_: Any) -> None:
    # Every sign-in saves this one field.
    if update_fields != frozenset({"last_login"}):
        transaction.on_commit(lambda: tell("user_changed", str(instance.pk)))


def _send_moved(thread_ids: Iterable[str]) -> None:
    for some in pieces(sorted(thread_ids)):
        send("moved", some)


def pieces(thread_ids: list[str]) -> Iterator[list[str]]:
    """The ids in lists that fit on the wire."""
    piece: list[str] = []
    size = 0
    for thread_id in thread_ids:
        needed = len(json.dumps(thread_id)) + 2
        if piece and size + needed > wire.MAX_BYTES:
            yield piece
            piece, size = [], 0
        piece.append(thread_id)
        size += needed
    if piece:
        yield piece


def send(what: str, *args: Any) -> None:
    """Call `what` of every hub in other processes."""
    global _sender
    line = wire.wire()
    if line is None:
        return
    _outbox.put(json.dumps([ME, what, *args]))
    if _sender is None or not _sender.is_alive():
        _sender = Thread(target=_send_all, args=(line,), name="hitl-bridge", daemon=True)
        _sender.start()


def _send_all(line: wire.Wire) -> None:
    """The thread that sends: nobody waits for the wire, and a broken one costs a log line."""
    while True:
        text = _outbox.get()
        try:
            line.send(text)
        except Exception as error:
            logger.warning("The other processes could not be told what moved; they will look. %s", error)
