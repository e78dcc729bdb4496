"""Any thread id, as one segment of a URL and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.converters import ThreadIdConverter

converter = ThreadIdConverter()


@given(st.text(min_size=1))
def test_every_id_comes_back(thread_id: str) -> None:
    segment = converter.to_url(thread_id)
    assert "/" not in segment
    assert segment.strip(".")
    assert converter.to_python(segment) == thread_id


@pytest.mark.parametrize("segment", ["~41", "~2f", "~zz", "~", ".."])
def test_there_is_one_way_to_write_an_id(segment: str) -> None:
    with pytest.raises(ValueError, match="not how"):
        converter.to_python(segment)
