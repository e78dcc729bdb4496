"""Values as text: what a journal stores comes back equal, and of its own type.

The text is compact ASCII JSON. What JSON can hold is written as itself; what it cannot is an object whose
first key is "$", the tag, and a dict that has such a key (or any key that is no string) is itself written
under a tag. So `{"$":` stands in a text exactly where a tag is, and a text without it is plain JSON.

    None, bool, str, list          as in JSON
    int, float                     as in JSON; over 600 digits, NaN and the infinities tagged
    dict with string keys          as in JSON
    any other dict                 {"$": "dict", "v": [[key, value], ...]}
    tuple, set, frozenset, range   {"$": "tuple", "v": [...]}          (sets in the order of their texts)
    datetime, Decimal, UUID, ...   {"$": "decimal", "v": "1.50"}       (`leaves.py`)
    registered classes             {"$": "class", "n": "shop.flows:Order", "v": {...}}   (`classes.py`)

Nothing is flattened in silence: a subclass of str, int, dict ... that is not registered is refused, as is
everything else that would not come back as it went in, and the refusal names the element's path.
Objects that occur twice come back as two equal ones.
"""

from hitl.codec.annotations import register_annotations
from hitl.codec.classes import register
from hitl.codec.digesting import digest
from hitl.codec.reading import decode
from hitl.codec.showing import plain
from hitl.codec.writing import encode

__all__ = ["decode", "digest", "encode", "plain", "register", "register_annotations"]
