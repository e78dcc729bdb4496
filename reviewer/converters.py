"""Thread ids in URLs.

A thread's id is whatever its author chose, slashes and dots included, but one path segment must carry it:
servers decode `%2F` before Django sees it, and browsers fold `..` away. So the few characters that would
change the path are written as `~` and two hex digits; `~` itself is one of them.
"""

from __future__ import annotations

import re

CODED = re.compile(r"[~/\\\x00-\x1f\x7f]|^\.+$")
CODE = re.compile(r"~([0-9A-F]{2})")


class ThreadIdConverter:
    """`a/b` is `a~2Fb` in a URL."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        text = CODE.sub(lambda found: chr(int(found[1], 16)), value)
        if self.to_url(text) != value:
            raise ValueError("not how this id is written")
        return text

    def to_url(self, value: object) -> str:
        return CODED.sub(lambda found: "".join(f"~{ord(char):02X}" for char in found[0]), str(value))
