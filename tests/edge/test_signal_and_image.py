import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from twoloops.edge.preprocess import check_input, prepare
from twoloops.records.errors import UserError
from twoloops.records.preprocess import CharNgrams, Picture, Preprocess, Window


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def encoded(image, form="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def png_header(width, height):
    """The start of a PNG that claims a size and holds no pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT"


@settings(deadline=None, max_examples=50)
@given(
    hnp.arrays(np.float32, (3, 2, 5), elements=st.floats(width=32, allow_nan=False)).filter(
        lambda array: np.isfinite(array).all()
    )
)
def test_windows_come_through_unchanged(array):
    preprocess = Preprocess((Window(2, 5),))
    tensors = prepare(preprocess, {}, [npy(window) for window in array])
    assert np.array_equal(tensors["window"], array)


GOOD = np.zeros((2, 5), dtype=np.float32)
with_nan = GOOD.copy()
with_nan[0, :2] = np.nan, np.inf


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no readable .npy file"),
        (b"junk", "no readable .npy file"),
        (npy(GOOD)[:-3], "no readable .npy file"),
        (npy(np.array([[{}]], dtype=object)), "the signal is object"),
        (npy(GOOD.astype(np.float64)), "the signal is float64 .*: save it as float32"),
        (npy(GOOD[0]), r"the signal is float32 \(5,\)"),
        (npy(GOOD.T), r"has shape \(5, 2\), expected \(channels, samples\) = \(2, 5\)"),
        (npy(with_nan), "holds 2 values that are NaN or infinite of 10"),
    ],
)
def test_bad_signals_are_refused(data, message):
    with pytest.raises(UserError, match=message):
        check_input("signal", data, (2, 5))


def test_an_archive_is_no_signal():
    stream = io.BytesIO()
    np.savez(stream, GOOD)
    with pytest.raises(UserError, match=r"no readable \.npy file"):
        check_input("signal", stream.getvalue())


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200), st.integers(0, 140))
def test_any_bytes_are_read_as_numpy_reads_them_or_refused(noise, start):
    """Also the start of a real file followed by noise."""
    for data in (noise, npy(GOOD)[:start] + noise):
        try:
            check_input("signal", data)
        except UserError:
            continue
        assert np.load(io.BytesIO(data)).dtype == np.float32


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_version_and_order_is_read(version, order):
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array, order=order), version=version)
    tensors = prepare(Preprocess((Window(2, 3),)), {}, [stream.getvalue()])
    assert np.array_equal(tensors["window"][0], array)


def test_a_signal_without_samples_is_refused():
    with pytest.raises(UserError, match="the signal is empty"):
        check_input("signal", npy(GOOD[:, :0]))


def test_pictures_are_normalised_by_channel():
    step = Picture(height=4, width=6, mean=(0.5, 0.0, 0.0), deviation=(0.5, 1.0, 2.0))
    data = encoded(Image.new("RGB", (6, 4), (255, 0, 51)))
    tensor = prepare(Preprocess((step,)), {}, [data, data])["picture"]
    assert tensor.shape == (2, 3, 4, 6)
    assert tensor.dtype == np.float32
    assert np.allclose(tensor[:, :, 0, 0], [1.0, 0.0, 0.1])


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1", "I;16"])
def test_every_mode_becomes_rgb(mode):
    form = "TIFF" if mode in ("CMYK", "I;16") else "PNG"
    data = encoded(Image.new(mode, (3, 5)), form)
    assert prepare(Preprocess((Picture(4, 4),)), {}, [data])["picture"].shape == (1, 3, 4, 4)


def test_orientation_is_applied():
    image = Image.new("RGB", (8, 8))
    image.paste((255, 255, 255), (0, 0, 8, 4))  # the upper half is white
    exif = Image.Exif()
    exif[0x0112] = 3  # turned by 180°
    data = encoded(image, exif=exif)
    tensor = prepare(Preprocess((Picture(8, 8),)), {}, [data])["picture"]
    assert tensor[0, 0, 0, 0] == 0
    assert tensor[0, 0, 7, 7] == 1


JPEG = encoded(Image.effect_noise((64, 64), 90), "JPEG")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no image that can be read: give JPEG, PNG"),
        (b"GIF89a", "no image that can be read"),
        (JPEG[: len(JPEG) // 2], "the image is damaged .*: export it again"),
        (png_header(8000, 8000), "has 8000 × 8000 pixels, and at most 50 million are read"),
        (png_header(12000, 12000), "12000 × 12000 pixels"),  # Pillow would only warn here
        (png_header(60000, 60000), "far more pixels, and at most 50 million are read"),
    ],
)
def test_bad_images_are_refused(data, message):
    with pytest.raises(UserError, match=message):
        check_input("image", data)


@pytest.mark.parametrize("byte", [0, 1, 6, 26, 62])
def test_an_exif_entry_of_another_type_is_refused_and_no_crash(byte):
    # Pillow raises struct.error and TypeError when it writes such an entry back.
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "desc"
    data = bytearray(encoded(Image.new("RGB", (8, 8)), "JPEG", exif=exif))
    data[data.index(b"Exif") + 17] = byte  # the first entry's type
    with pytest.raises(UserError, match="damaged"):
        check_input("image", bytes(data))


def test_several_steps_make_several_tensors():
    preprocess = Preprocess((CharNgrams(dimension=8), CharNgrams(output="words", dimension=4)))
    tensors = prepare(preprocess, {}, [b"leak"])
    assert {name: tensor.shape for name, tensor in tensors.items()} == {
        "counts": (1, 8),
        "words": (1, 4),
    }


def test_text_is_checked_as_text():
    check_input("text", "Öl läuft aus".encode())
    with pytest.raises(UserError, match="not UTF-8"):
        check_input("text", b"\xff")
