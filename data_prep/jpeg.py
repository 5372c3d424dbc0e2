"""JPEG, the form in which registered faces are kept."""

import cv2
import numpy as np

QUALITY = 95


def encode(image: np.ndarray) -> bytes:
    """Return a BGR uint8 image as JPEG."""
    done, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done, "a uint8 image can always be encoded"
    return content.tobytes()


def decode(content: bytes) -> np.ndarray | None:
    """Return the pixels of an encoded image, or None where there are none."""
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
