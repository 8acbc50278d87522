"""Charts as pictures: SVG for the page, PNG for print."""

import io
from typing import Any

from twoloops.analysis.exhibits.model import Chart
from twoloops.analysis.exhibits.theme import CONFIG
from twoloops.analysis.looks import INK

PRINTED_INK = "#111111"
SCALE = 1.5
COLOURS = 64  # of the palette of a picture: charts have few, and the file stays small


def shown(chart: Chart) -> dict[str, Any]:
    """Return a chart's specification with fonts and axes, ready for Vega-Lite."""
    return {**chart.spec, "config": CONFIG, "background": None}


def svg(chart: Chart) -> str:
    """Return a chart as SVG text, without a background."""
    import vl_convert

    text: str = vl_convert.vegalite_to_svg(
        shown(chart), vl_version=vegalite_version(), allowed_base_urls=[]
    )
    return text


def png(chart: Chart) -> bytes:
    """Return a chart as PNG on white, with its title above it."""
    import vl_convert
    from PIL import Image

    titled = shown(chart) | {
        "background": "white",
        "title": {"text": chart.title, "anchor": "start", "color": PRINTED_INK, "fontSize": 15},
    }
    drawn = vl_convert.vegalite_to_png(
        _printed(titled), vl_version=vegalite_version(), scale=SCALE, allowed_base_urls=[]
    )
    out = io.BytesIO()
    with Image.open(io.BytesIO(drawn)) as picture:
        few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(out, "PNG", optimize=True)
    return out.getvalue()


def vegalite_version() -> str:
    """Return the version of Vega-Lite that altair writes, such as `6.1`."""
    import altair as alt

    return ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])


def _printed(value: Any) -> Any:
    """Return a specification with the page's ink made the ink of print."""
    if isinstance(value, dict):
        return {key: _printed(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_printed(one) for one in value]
    return PRINTED_INK if value == INK else value
