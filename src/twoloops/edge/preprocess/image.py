"""An encoded image (JPEG, PNG, BMP, …) → float32 (n, 3, height, width), RGB."""

import io
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from twoloops.records.errors import UserError
from twoloops.records.preprocess import Picture

MAX_PIXELS = 50_000_000


def open_image(data: bytes) -> Image.Image:
    """Return the decoded image, RGB, turned as its EXIF orientation says.

    Raises:
        UserError: When it is no image that Pillow reads, is cut short, or has more than
            `MAX_PIXELS` pixels (refused before anything is decoded).
    """
    with warnings.catch_warnings():
        # Pillow warns of large pictures; the limit below is stricter than its own. Its other
        # warnings (odd EXIF, transparency given as bytes) do not make a picture unusable.
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data))
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise _too_large(f"{width} × {height} pixels")
            return _upright(image).convert("RGB")
        except Image.DecompressionBombError as error:
            raise _too_large("far more pixels") from error
        except UnidentifiedImageError as error:
            raise UserError(
                f"the file ({len(data):,} bytes) is no image that can be read: "
                "give JPEG, PNG, BMP, GIF, TIFF or WebP"
            ) from error
        except UserError:
            raise
        except Exception as error:  # Pillow raises a dozen kinds on damaged files
            raise UserError(
                f"the image is damaged ({error}): export it again as JPEG or PNG"
            ) from error


def pictures(step: Picture, inputs: Sequence[bytes]) -> NDArray[np.float32]:
    """Return the batch, float32 (n, 3, height, width): (x/255 − mean)/deviation per channel.

    Raises:
        UserError: When an input is no readable image (see `open_image`).
    """
    batch = np.empty((len(inputs), 3, step.height, step.width), dtype=np.float32)
    for row, data in enumerate(inputs):
        image = open_image(data)
        if image.size != (step.width, step.height):
            image = image.resize((step.width, step.height), Image.Resampling.BILINEAR)
        batch[row] = np.asarray(image, dtype=np.float32).transpose(2, 0, 1)
    channel = (1, 3, 1, 1)
    batch /= np.float32(255)
    batch -= np.asarray(step.mean, dtype=np.float32).reshape(channel)
    batch /= np.asarray(step.deviation, dtype=np.float32).reshape(channel)
    return batch


def _upright(image: Image.Image) -> Image.Image:
    image.load()
    return ImageOps.exif_transpose(image)


def _too_large(got: str) -> UserError:
    return UserError(
        f"the image has {got}, and at most {MAX_PIXELS // 1_000_000} million are read: "
        "scale it down first"
    )
