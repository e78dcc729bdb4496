"""What changed between two texts, word by word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reviewer.diff import words


def test_only_words_that_differ_are_marked() -> None:
    assert words("alice@example.com", "bob@example.com") == (("-", "alice"), ("+", "bob"), ("=", "@example.com"))
    assert words("one two", "one two three") == (("=", "one two"), ("+", " three"))
    assert words("", "new") == (("+", "new"),)
    assert words("same", "same") == ()


def test_a_long_text_is_cut_where_it_stays_the_same() -> None:
    text = "word " * 1000
    first, *_, last = words(f"{text}old {text}", f"{text}new {text}")
    assert " … " in first.text
    assert len(first.text) + len(last.text) < 400


@given(st.text(alphabet="ab \n.é🙂", max_size=40), st.text(alphabet="ab \n.é🙂", max_size=40))
def test_both_texts_can_be_read_from_it(before: str, after: str) -> None:
    segments = words(before, after)
    if before == after:
        assert segments == ()
        return
    assert "".join(text for mark, text in segments if mark != "+") == before
    assert "".join(text for mark, text in segments if mark != "-") == after


def test_huge_texts_are_compared_in_time() -> None:
    before, after = " ".join(map(str, range(20_000))), " ".join(map(str, range(20_000, 40_000)))
    marks = [mark for mark, _ in words(before, after)]
    assert marks == ["-", "+"]
