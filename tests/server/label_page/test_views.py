"""Pictures and signals are really drawn; the page is fit for touch, keys and screen readers."""

import io
from typing import Any

import numpy as np
from acting import current, press
from PIL import Image, ImageDraw

MANY = tuple(f"defect {n:02}" for n in range(1, 25))


def picture(number: int, kind: str = "PNG") -> bytes:
    image = Image.new("RGB", (320, 240), (90, 90, 90 + number))
    ImageDraw.Draw(image).line([(0, 20 * number), (319, 239)], fill=(240, 240, 240), width=4)
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def signal(number: int) -> bytes:
    time = np.arange(400)
    waves = np.stack([np.sin(time * 0.1 * (number + 1)), np.cos(time * 0.02) ** 3])
    buffer = io.BytesIO()
    np.save(buffer, waves.astype("<f4"))
    return buffer.getvalue()


COLOURS = """canvas => {
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(new Uint32Array(data.buffer)).size;
}"""


def test_a_picture_is_shown_magnified_moved_and_lit_by_keys(enter: Any, asks: Any) -> None:
    # Browsers do not show TIFF: the server hands it out as PNG.
    page = enter(asks(inputs=[picture(1), picture(2, "TIFF")], kind="image"))
    for _ in range(2):
        current(page)
        assert page.evaluate("document.querySelector('#stage img').naturalWidth") == 320
        shown = "() => [document.querySelector('.picture').dataset.scale, getComputedStyle("
        shown += "document.querySelector('#stage img')).filter]"
        assert page.evaluate(shown) == ["1.00", "none"]
        page.keyboard.press("+")
        page.keyboard.press("+")
        page.keyboard.press("Shift+ArrowUp")
        page.keyboard.press("ArrowLeft")
        scale, light = page.evaluate(shown)
        assert float(scale) > 1.5
        assert light == "brightness(1.15) contrast(1)"
        page.mouse.move(300, 300)
        page.mouse.wheel(0, -300)
        assert float(page.evaluate(shown)[0]) > float(scale)
        page.click("[aria-label='Whole picture, light as it is']")
        assert page.evaluate(shown)[0] == "1.00"
        press(page, "1")


def test_two_fingers_magnify_a_picture(enter: Any, asks: Any) -> None:
    page = enter(asks(inputs=[picture(1)], kind="image"), has_touch=True)
    current(page)
    touch = page.context.new_cdp_session(page)

    def fingers(kind: str, apart: int) -> None:
        points = [{"x": 400 - apart, "y": 300, "id": 0}, {"x": 400 + apart, "y": 300, "id": 1}]
        points = [] if kind == "touchEnd" else points
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", 40)
    for apart in (60, 80, 120):
        fingers("touchMove", apart)
    fingers("touchEnd", 0)
    scale = float(page.get_attribute(".picture", "data-scale"))
    assert 2.5 < scale < 3.5


def test_a_signal_is_drawn_with_its_spectrogram(enter: Any, asks: Any) -> None:
    page = enter(asks(inputs=[signal(1), signal(2)], kind="signal", shape=(2, 400)))
    current(page)
    canvas = page.locator("#stage canvas")
    assert "2 channels of 400 samples" in canvas.get_attribute("aria-label")
    whole = canvas.evaluate(COLOURS)
    assert whole > 200  # a waveform alone has a few shades; the spectrogram has many
    before = canvas.screenshot()
    page.keyboard.press("+")
    assert canvas.screenshot() != before
    press(page, "2")
    current(page)
    assert page.locator("#stage canvas").evaluate(COLOURS) > 200


def test_more_labels_than_keys_are_found_by_a_part_of_their_name(enter: Any, asks: Any) -> None:
    page = enter(asks(3, labels=MANY))
    current(page)
    keys = page.locator("#labels kbd").all_inner_texts()
    assert keys == list("123456789ABDEFGHIJKLMPQR")
    page.keyboard.press("/")
    page.keyboard.type("17")
    assert page.locator("#labels button:visible").count() == 1
    before = current(page)
    page.keyboard.press("Enter")
    page.wait_for_function(
        "before => document.getElementById('stage').dataset.observation !== before", arg=before
    )
    assert page.locator("#labels button:visible").count() == 24
    assert page.evaluate("document.activeElement.id") != "filter"
    press(page, "d")


def test_a_new_label_that_is_nearly_there_is_offered_instead(enter: Any, asks: Any) -> None:
    page = enter(asks(2, labels=("crack", "leak", "scratch")))
    place = current(page)
    page.keyboard.press("n")
    page.keyboard.type("Scratchh")
    page.keyboard.press("Enter")
    page.wait_for_selector("#naming >> text=Is this spelled as it should be?")
    offer = page.locator("#near button")
    assert offer.inner_text() == "No, use “scratch”, which is there"
    press(page, "Enter")  # what is there is what a hasty Enter takes
    assert current(page) != place
    assert page.locator("#labels button").count() == 3


def test_it_is_fit_for_touch_and_every_control_has_a_name(enter: Any, asks: Any) -> None:
    page = enter(asks(inputs=[picture(1)], kind="image"), has_touch=True)
    page.set_viewport_size({"width": 820, "height": 1180})
    current(page)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll(
          "button, input, textarea, progress, canvas, img, dialog")]
        .filter(one => !(one.textContent.trim() || one.ariaLabel || one.alt || one.labels?.length
          || one.getAttribute("aria-labelledby"))).map(one => one.outerHTML)"""
    )
    assert nameless == []
    small = page.evaluate(
        """() => [...document.querySelectorAll("button")].filter(one => one.offsetParent)
        .filter(one => one.offsetHeight < 44 || one.offsetWidth < 44).map(one => one.outerHTML)"""
    )
    assert small == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.get_attribute("html", "lang") == "en"
    assert page.locator("h1").count() == 1
    assert "Next: picture, 320 by 240 pixels" in page.inner_text("#announce")
