"""Groups of duplicates are classes of an equivalence, whatever the order of the inputs."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from twoloops.physical.duplicates import difference_hash, groups, normal_text, rounded_signal
from twoloops.records.errors import UserError

texts = st.lists(
    st.tuples(
        st.sampled_from(
            ["Leak!", "leak", " LEAK ", "bolt 1", "bolt 2", "…", "!", "Straße", "STRASSE"]
        ),
        st.sampled_from([None, "p1", "p2", "p3"]),
    ),
    max_size=14,
)


def of(pairs: list[tuple[str, str | None]]) -> list[str]:
    return groups("text", [text.encode() for text, _ in pairs], [origin for _, origin in pairs])


@given(texts, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=50)
def test_the_order_of_the_inputs_does_not_matter(pairs, random) -> None:  # type: ignore[no-untyped-def]
    order = list(range(len(pairs)))
    random.shuffle(order)
    before, after = of(pairs), of([pairs[i] for i in order])
    assert [before[i] for i in order] == after


@given(texts)
@settings(deadline=None, max_examples=50)
def test_groups_are_the_smallest_equivalence_that_joins_equals(pairs) -> None:  # type: ignore[no-untyped-def]
    found = of(pairs)
    count = len(pairs)
    alike = [
        [
            normal_text(a.encode()) == normal_text(b.encode()) or (p is not None and p == q)
            for b, q in pairs
        ]
        for a, p in pairs
    ]
    reach = np.array(alike, dtype=bool).reshape(count, count)
    for _ in range(count):
        reach = reach | ((reach.astype(int) @ reach.astype(int)) > 0)
    same = [[a == b for b in found] for a in found]
    assert reach.tolist() == np.array(same, dtype=bool).reshape(count, count).tolist()


def test_a_group_is_named_by_its_content_alone() -> None:
    (first,) = groups("text", [b"Pump leaks."], [None])
    (second,) = groups("text", [b"pump LEAKS"], ["part 7"])
    assert first == second


def test_digits_count_and_bare_punctuation_is_only_like_itself() -> None:
    assert normal_text(b"bolt 1") != normal_text(b"bolt 2")
    a, b, c = groups("text", [b"!", b"?", b"!"], [None] * 3)
    assert a == c != b


def image(pixels: np.ndarray, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


def test_an_image_saved_again_or_scaled_is_near_and_another_is_not() -> None:
    random = np.random.default_rng(3)
    smooth = Image.fromarray(random.integers(0, 255, (9, 9), dtype=np.uint8)).resize((64, 64))
    other = Image.fromarray(random.integers(0, 255, (9, 9), dtype=np.uint8)).resize((64, 64))
    half = np.asarray(smooth.resize((32, 32)))
    inputs = [
        image(np.asarray(smooth)),
        image(np.asarray(smooth), "JPEG"),
        image(half),
        image(np.asarray(other)),
    ]
    a, b, c, d = groups("image", inputs, [None] * 4)
    assert a == b == c != d
    assert groups("image", inputs, ["x", None, None, "x"]) == [min(a, d)] * 4
    assert 0 <= difference_hash(inputs[0]) < 2**64
    with pytest.raises(UserError, match="is no image that can be read"):
        groups("image", [b"nothing"], [None])


def window(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values.astype(np.float32))
    return file.getvalue()


def test_signals_equal_to_a_thousandth_of_their_deviation_are_one_group() -> None:
    time = np.linspace(0, 6, 50)
    signal = np.stack([np.sin(time), 1000 * np.cos(time)])
    near = signal * (1 + 1e-7)
    shifted = signal + 0.05
    a, b, c = groups("signal", [window(signal), window(near), window(shifted)], [None] * 3)
    assert a == b != c


def test_constant_and_broken_signals_are_kept_as_they_are() -> None:
    flat = [window(np.full((1, 8), value)) for value in (0.0, -0.0, 5.0)]
    a, b, c = groups("signal", flat, [None] * 3)
    assert a == b != c
    assert rounded_signal(b"nothing") == b"nothing"
