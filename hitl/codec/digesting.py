"""One short name for equal values, whatever can or cannot be stored of them.

The digest is taken of the text that `encode` would write, with keys sorted, and with every element that
cannot be stored standing there as its type's name. It is part of a call's address (rule 12), so it must
never fail, and never depend on the order in which a dict was filled or a set is walked.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from json.encoder import encode_basestring_ascii as quote
from typing import Any

from hitl.codec import classes
from hitl.codec.walking import Walk
from hitl.codec.writing import TAG, pack

# A value of more than 64 million characters or 4 million elements is told by its type alone: it may well be
# endless.
_MOST = 64_000_000

_dumps = json.JSONEncoder(check_circular=False, sort_keys=True, separators=(",", ":")).encode


class _Lenient(Walk):
    __slots__ = ()
    canonical = True

    def refuse(self, obj: Any, reason: str) -> Any:
        return {TAG: "?", "v": classes.describe(type(obj))}

    def too_deep(self, obj: Any) -> Any:
        # A circle that branches has more ends than there is time for.
        self.spend(_MOST // 1000)
        return self.refuse(obj, "")


def digest(obj: Any) -> str:
    """32 hex digits, the same for equal values of the same types. Never raises.

    1, 1.0 and True are three values; the order of a dict's keys is not part of it.
    """
    text = quote(obj) if type(obj) is str and obj.isascii() else _canonical(obj)
    return blake2b(text.encode("ascii", "backslashreplace"), digest_size=16).hexdigest()


def _canonical(obj: Any) -> str:
    try:
        return _dumps(pack(_Lenient(_MOST), obj, 0))
    except Exception:
        return classes.describe(type(obj))
