import io

from PIL import Image

from twoloops.analysis.exhibits.picture import png, shown, svg


def opened(data):
    with Image.open(io.BytesIO(data)) as picture:
        return picture.convert("RGB")


def test_a_picture_is_on_white_and_small(make_small):
    data = png(make_small().charts[0])
    picture = opened(data)
    assert picture.getpixel((0, picture.height - 1)) == (255, 255, 255)
    assert len(data) < 40_000
    assert len(picture.getcolors(1 << 20)) > 2


def test_the_drawing_of_the_page_has_no_background(make_small):
    drawn = svg(make_small().charts[0])
    assert "length (mm)" in drawn
    assert 'fill="white"' not in drawn


def test_a_specification_is_themed_and_kept(make_small):
    chart = make_small().charts[0]
    assert shown(chart)["config"]["axis"]
    assert "config" not in chart.spec
