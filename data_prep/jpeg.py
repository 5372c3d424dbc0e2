"""Reading and writing JPEG images as BGR arrays (height x width x 3, uint8, 0..255)."""

import cv2
import numpy as np

from data_prep.errors import UserError

QUALITY = 95
END_OF_IMAGE = b"\xff\xd9"
TRAILER = 4096  # bytes of foreign data that some writers leave behind the image


class DamagedImageError(UserError):
    """A file that is there but does not hold a whole JPEG image."""


def read_jpeg(path: str) -> np.ndarray:
    """Return a JPEG file's pixels; raise DamagedImageError, naming the path.

    A cut-off file is refused here because OpenCV would fill what is missing with grey.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise DamagedImageError(f"{path} cannot be read: {error.strerror}") from None
    image = decode(content) if END_OF_IMAGE in content[-TRAILER:] else None
    if image is None:
        raise DamagedImageError(
            f"{path} is not a whole JPEG image: mend it, or give --on-damaged skip"
        )
    return image


def decode(content: bytes) -> np.ndarray | None:
    """Return the pixels of an encoded image, or None where there are none."""
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


def encode(image: np.ndarray) -> bytes:
    """Return a BGR uint8 image as JPEG."""
    done, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done, "a uint8 image can always be encoded"
    return content.tobytes()
