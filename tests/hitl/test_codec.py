"""What is stored comes back equal and of its own type; what would not is refused, by name and place."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import ipaddress
import json
import math
import pathlib
import sys
import uuid
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pydantic
import pytest

from hitl import codec, conf
from hitl.errors import HitlError, Misuse, UnstorableValue, ValueTooLarge

BERLIN = ZoneInfo("Europe/Berlin")


def stored(value: Any) -> Any:
    text = codec.encode(value)
    assert text.isascii()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    return codec.decode(text)


def assert_kept(value: Any) -> None:
    back = stored(value)
    assert type(back) is type(value)
    assert back == value
    assert codec.encode(back) == codec.encode(value)


PLAIN = [
    None, True, False, 0, -1, 2**63, 10**599, 0.0, 1e22, 5e-324, 0.1, "", "a", "é😀", "\x00", '{"$":', [], {},
    [[], {}, [None]], {"a": {"b": [1, 2.5, "c", None]}}, {"": ""},
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_json_values_are_written_as_json(value: Any) -> None:
    assert codec.encode(value) == json.dumps(value, separators=(",", ":"))
    assert_kept(value)


OTHERS = [
    (), (1, (2, "x")), {1, 2}, set(), frozenset({("a", 1)}), range(3, 9, 2), b"\x00\xff", bytearray(b"ab"),
    {1: 2}, {(1, "a"): [()]}, {None: 1, True: 2, 2.5: 3}, {"a": {3: 4}},
    Decimal("1.50"), Decimal("-0"), Decimal("Infinity"), Fraction(1, 3), uuid.UUID(int=7), 1 - 2j,
    dt.date(1, 1, 1), dt.time(1, 2, 3, 4), dt.timedelta(-1, 2, 3),
    dt.datetime(2024, 2, 29, 1, 2, 3, 4), dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
    dt.datetime(2024, 1, 1, tzinfo=dt.timezone(dt.timedelta(minutes=-90))), dt.UTC, BERLIN,
    dt.datetime(2024, 1, 1, tzinfo=dt.timezone(dt.timedelta(microseconds=-1))),
    pathlib.PurePosixPath("/a/b"), ipaddress.ip_address("::1"), ipaddress.ip_network("10.0.0.0/8"),
    collections.OrderedDict([("b", 1), ("a", (2,))]), collections.defaultdict(list, {1: [2]}),
    collections.Counter("abca"), collections.deque([1, (2,)], maxlen=4),
]  # fmt: skip


@pytest.mark.parametrize("value", OTHERS, ids=repr)
def test_what_json_lacks_is_kept(value: Any) -> None:
    assert_kept(value)
    assert_kept([{"in": (value,)}])


@pytest.mark.parametrize("value", ["\ud800", "\udc00x", "a\ud83d" + "\ude00b", "\ude00\ud83d"], ids=ascii)
def test_halves_of_characters_stay_halves(value: str) -> None:
    assert_kept(value)
    assert_kept({value: value})


@pytest.mark.parametrize("value", [10**600, -(10**600), 3 ** (10**4), 1 << 20_000], ids=lambda v: v.bit_length())
def test_whole_numbers_have_no_upper_end(value: int) -> None:
    assert_kept(value)
    assert_kept({value: [value]})


def test_digits_limit_of_the_interpreter_does_not_matter() -> None:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        assert_kept([10**599, 10**600, 10**5000])
    finally:
        sys.set_int_max_str_digits(before)


def test_floats_keep_their_sign_and_their_nan() -> None:
    assert math.copysign(1, stored(-0.0)) == -1
    assert math.isnan(stored(float("nan")))
    assert_kept(float("inf"))
    assert_kept([-float("inf")])
    assert math.isnan(stored(complex("nan+1j")).real)


def test_zone_and_fold_are_kept() -> None:
    for fold in (0, 1):
        back = stored(dt.datetime(2024, 10, 27, 2, 30, fold=fold, tzinfo=BERLIN))
        assert back.tzinfo is BERLIN
        assert back.fold == fold
        assert back.utcoffset() == dt.timedelta(hours=2 - fold)
    assert stored(dt.datetime(2024, 1, 1, fold=1)).fold == 1
    assert stored(dt.time(1, tzinfo=BERLIN)).tzinfo is BERLIN
    named = dt.timezone(dt.timedelta(hours=1), "C]*[T")
    assert stored(dt.datetime(2024, 1, 1, tzinfo=named)).tzname() == "C]*[T"
    assert stored(dt.datetime(2024, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1)))).tzinfo == named


def test_a_strange_time_zone_is_refused() -> None:
    class Moon(dt.tzinfo):
        def utcoffset(self, when: dt.datetime | None) -> dt.timedelta:
            return dt.timedelta(0)

    with pytest.raises(UnstorableValue, match=r"value\.key\(|value\[0\].*Moon.*zoneinfo"):
        codec.encode([dt.datetime(2024, 1, 1, tzinfo=Moon())])


def test_a_dict_with_the_codecs_own_key_survives() -> None:
    assert_kept({"$": 1})
    assert_kept({"$": "tuple", "v": [1]})
    assert_kept({"a": [{"$": {"$": "class", "n": "os:system"}}]})
    assert_kept('{"$":"tuple","v":[]}')


def test_the_order_of_a_dict_is_kept() -> None:
    for value in ({"b": 1, "a": 2}, {2: 1, 1: 2}, {"b": (), "a": 1}):
        assert list(stored(value)) == list(value)


def test_the_text_of_a_set_does_not_depend_on_its_order() -> None:
    one, other = {0, 8}, {8, 0}
    assert list(one) != list(other)  # they collide, so the first one in is the first one out
    assert codec.encode(one) == codec.encode(other)


def test_plain_data_is_not_copied_on_its_way_nor_changed() -> None:
    value = {"a": [(1,), {2}], "b": 3}
    codec.encode(value)
    assert value == {"a": [(1,), {2}], "b": 3}
    assert type(value["a"][0]) is tuple  # type: ignore[index]


class Colour(enum.Enum):
    RED = object()
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


class Word(enum.StrEnum):
    SHIP = "ship"


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: int
    y: Any = None


@dataclasses.dataclass
class Order:
    lines: list[Point]
    level: Level = Level.LOW
    total: int = dataclasses.field(init=False, default=0)

    def __post_init__(self) -> None:
        self.total = len(self.lines)


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    a: tuple[int, ...]
    word: Word = Word.SHIP


class Model(pydantic.BaseModel):
    when: dt.datetime
    url: pydantic.HttpUrl
    frozen: Frozen | None = None
    _secret: int = pydantic.PrivateAttr(1)


class Open(pydantic.BaseModel, extra="allow"):
    a: int = 1


class Money:
    def __init__(self, cents: int) -> None:
        self.cents = cents

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and other.cents == self.cents

    __hash__ = None  # type: ignore[assignment]


class Refused(Exception):
    pass


for _cls in (Colour, Level, Word, Rights, Order, Frozen, Model, Open, Refused):
    codec.register(_cls)
codec.register(Money, pack=lambda money: money.cents, unpack=Money)


@pytest.mark.parametrize(
    "value",
    [
        Colour.RED, Level.LOW, Word.SHIP, Rights.READ, Rights.READ | Rights.WRITE, Rights(0), Point(1, (2,)),
        Order([Point(1)]), Frozen((1, 2)), Money(5), {Frozen((1,)): {Word.SHIP}},
        Model(when="2024-01-01T00:00:00+02:00", url="https://a.b/", frozen=Frozen(())),  # type: ignore[arg-type]
        Open(a=2, b=(1,), **{"$": 1}),  # type: ignore[call-arg,arg-type]
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_registered_classes_are_kept(value: Any) -> None:
    assert_kept(value)
    assert_kept([value, (value,)])


def test_a_models_private_attributes_and_set_fields_are_kept() -> None:
    model = Model(when="2024-01-01T00:00:00Z", url="https://a.b/")  # type: ignore[arg-type]
    model._secret = 7
    back = stored(model)
    assert back._secret == 7
    assert back.model_fields_set == {"when", "url"}
    assert stored(Open(b=1)).model_extra == {"b": 1}  # type: ignore[call-arg]


def test_attributes_beyond_the_fields_are_kept() -> None:
    order = Order([])
    order.total, order.note = 9, "x"  # type: ignore[attr-defined]
    back = stored(order)
    assert (back.total, back.note) == (9, "x")


def test_constructors_are_not_called_on_reading() -> None:
    @codec.register
    @dataclasses.dataclass
    class Loud:
        a: int

        def __post_init__(self) -> None:
            if self.a == 2:
                raise RuntimeError

    loud = Loud(1)
    loud.a = 2
    assert stored(loud).a == 2


def test_exceptions_are_values_too() -> None:
    for error in (
        ValueError("a", 1),
        OSError(2, "gone"),
        UnicodeDecodeError("utf8", b"a", 0, 1, "x"),
        Refused(()),
    ):
        back = stored(error)
        assert type(back) is type(error)
        assert back.args == error.args
        assert str(back) == str(error)
    noted = KeyError("k")
    noted.add_note("while cooking")
    assert stored(noted).__notes__ == ["while cooking"]
    group = stored(ExceptionGroup("two", [ValueError(1), Refused(2)]))
    assert [type(error) for error in group.exceptions] == [ValueError, Refused]


def test_a_field_that_came_later_takes_its_default() -> None:
    text = codec.encode(Order([])).replace('"level":', '"gone":')
    assert codec.decode(text).level is Level.LOW
    with pytest.raises(HitlError, match=r"Order has no 'lines'.*default"):
        codec.decode(codec.encode(Order([])).replace('"lines"', '"rows"'))
    assert codec.decode(codec.encode(Point(1, 2)).replace('"y":2', '"z":2')) == Point(1)
    with pytest.raises(HitlError, match=r"Model has no 'url'"):
        codec.decode(codec.encode(Model(when=dt.datetime.now(dt.UTC), url="http://a")).replace('"url"', '"u"'))  # type: ignore[arg-type]


def test_a_renamed_enum_member_is_found_by_its_value() -> None:
    assert codec.decode(codec.encode(Word.SHIP).replace('"SHIP"', '"SEND"')) is Word.SHIP


def test_a_class_is_found_in_the_registry_only() -> None:
    with pytest.raises(HitlError, match=r"'os:system'.*registered.*name='os:system'"):
        codec.decode('{"$":"class","n":"os:system","v":["true"]}')
    with pytest.raises(HitlError, match="cannot be read"):
        codec.decode('{"$":"no such tag"}')


def test_a_moved_class_can_be_registered_under_its_old_name() -> None:
    @codec.register(name="old.place:Thing")
    @dataclasses.dataclass
    class Thing:
        a: int

    assert codec.decode('{"$":"class","n":"old.place:Thing","v":{"a":1}}') == Thing(1)
    assert_kept(Thing(2))


def test_registering_needs_a_class_that_can_be_stored() -> None:
    class Bare:
        pass

    with pytest.raises(Misuse, match=r"Bare.*pack="):
        codec.register(Bare)
    with pytest.raises(Misuse):
        codec.register(3)  # type: ignore[call-overload]


class Unregistered(NamedTuple):
    a: int


class Text(str):
    pass


class Dict(dict):  # type: ignore[type-arg]
    pass


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), r"result: object cannot be stored\. .*register"),
        ({"items": [1, 2, 3, Point(1, json)]}, r'result\["items"\]\[3\]\.y: module cannot be stored'),
        ({1: {"a b": [{print}]}}, r'result\[1\]\["a b"\]\[0\]\{\.\.\.\}: builtin_function_or_method'),
        ({(1, 2): (print,)}, r"result\[\(1, 2\)\]\[0\]: "),
        ({print: 1}, r"result\.key\(builtin_function_or_method\): "),
        (Order([print]), r"result\.lines\[0\]: "),  # type: ignore[list-item]
        (Open(b=[print]), r"result\.b\[0\]: "),  # type: ignore[call-arg]
        (ValueError("a", print), r"result\[1\]: "),
        (Unregistered(1), r"Unregistered is not registered\. Decorate the class with hitl\.codec\.register"),
        ([Text("a")], r"result\[0\]: .*Text cannot be stored\. Make it a plain str"),
        (Dict(), r"Dict cannot be stored\. Make it a plain dict"),
        (collections.defaultdict(lambda: 1), "defaultdict.*factory"),
        ((x for x in ()), "generator"),
    ],
)
def test_what_cannot_be_stored_is_named_with_its_place(value: Any, message: str) -> None:
    with pytest.raises(UnstorableValue, match=message):
        codec.encode(value, where="result")


def test_a_row_of_the_database_is_refused_with_its_own_advice() -> None:
    from django.contrib.auth.models import User

    with pytest.raises(UnstorableValue, match=r"User is a row of the database.*primary key"):
        codec.encode(User(username="ana"))


def test_a_pack_function_that_fails_is_told_with_its_place() -> None:
    class Wrong:
        pass

    codec.register(Wrong, pack=lambda wrong: wrong.missing, unpack=Wrong)
    with pytest.raises(UnstorableValue, match=r"value\[0\]: the pack function of .*Wrong failed: AttributeError"):
        codec.encode([Wrong()])


def test_circles_are_found() -> None:
    ring: list[Any] = [1]
    ring.append({"x": (ring,)})
    with pytest.raises(UnstorableValue, match=r'^result\[1\]\["x"\]\[0\]: refers back to result, and a circle'):
        codec.encode(ring, where="result")
    inner: dict[str, Any] = {}
    inner["me"] = inner
    with pytest.raises(UnstorableValue, match=r'^value\[0\]\["me"\]: refers back to value\[0\]'):
        codec.encode([inner])
    order = Order([])
    order.lines.append(order)  # type: ignore[arg-type]
    with pytest.raises(UnstorableValue, match=r"^value\.lines\[0\]: refers back to value,"):
        codec.encode(order)


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def test_depth_has_an_end() -> None:
    assert_kept(nested(200))
    for levels in (201, 5_000):
        with pytest.raises(UnstorableValue, match="200 levels"):
            codec.encode(nested(levels))


def test_what_is_twice_in_a_value_is_no_circle() -> None:
    part = [1]
    assert_kept([part, part, {"a": part}])


def test_size_has_a_limit_that_is_told_with_the_place() -> None:
    assert codec.encode("x" * 98, limit_bytes=100)
    with pytest.raises(ValueTooLarge, match=r"^result: 101 bytes as stored, .* 100\..*HITL_MAX_VALUE_BYTES"):
        codec.encode("x" * 99, where="result", limit_bytes=100)
    with pytest.raises(ValueTooLarge, match=r'^value\["a"\]\[1\]: 1,\d\d\d bytes'):
        codec.encode({"a": [1, "x" * 1000], "b": "y" * 90}, limit_bytes=100)
    with pytest.raises(ValueTooLarge, match="more than 100 bytes"):
        codec.encode(["x" * 10_000], limit_bytes=100)


def test_the_limit_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf, "_current", conf.Settings(max_value_bytes=100))
    assert codec.encode("x" * 98)
    with pytest.raises(ValueTooLarge, match="limit is 100"):
        codec.encode("x" * 99)
    assert codec.encode("x" * 99, limit_bytes=101)


def test_a_small_value_that_unfolds_without_end_is_too_large() -> None:
    value: list[Any] = [1]
    for _ in range(100):
        value = [value, value]
    with pytest.raises(ValueTooLarge):
        codec.encode(value)


def test_both_are_the_callers_type_and_value_errors() -> None:
    with pytest.raises(TypeError):
        codec.encode(object())
    with pytest.raises(ValueError, match="bytes"):
        codec.encode("xx", limit_bytes=1)
