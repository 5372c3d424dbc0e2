"""Faces in a picture: BlazeFace finds them, a mesh of 468 points fits each.

The networks are MediaPipe's (face_models.py) and run in OpenCV's dnn. What is done
around them (anchors, regions, scales) follows MediaPipe's own graphs.
"""

import math
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np

from data_prep import face_models

DETECTOR_SIDE, MESH_SIDE = 256, 192  # pixels of the networks' inputs
LEAST_SCORE = 0.5  # of a detection
LEAST_PRESENCE = 0.5  # of a mesh: below, the box was none of a face
OVERLAP = 0.3  # of two boxes of one face: intersection over union
INSIDE = 0.7  # or of one box in the other
MARGIN = 1.5  # of a region's side, in that of the face in it
TURNED = math.radians(60)  # from where on the detector misses faces, or finds half
SMALL = 40  # pixels; a face of less is too small to tell AUs from

# BP4D's 49 landmarks in the mesh, in their order; two points stand for their middle.
# Compared point by point with dlib's 68 landmarks on 10 faces in photos.
TO_49 = (
    # brows
    70, 63, 105, 66, (55, 107), (285, 336), 296, 334, 293, 300,
    # nose
    168, 197, 5, 4, 75, 97, 2, 326, 305,
    # eyes
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    # mouth
    61, 39, 37, 0, 267, 269, 291, (321, 405), 314, 17, 84, (91, 181),
    82, 13, 312, 317, 14, 87,
)  # fmt: skip
# What iBUG's 68 points, which OpenFace numbers from 0, have besides: the jaw's outline,
# and behind 59 and 62 the corners of the inner lips.
JAW = (
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
)  # fmt: skip
INNER_LIP_CORNERS = 78, 308
_FIRST, _SECOND = np.array([(p, p) if isinstance(p, int) else p for p in TO_49]).T
EYES = 33, 263  # outer corners: a face's roll


class Region(NamedTuple):
    """A square in a picture, turned with the face in it; pixels."""

    centre: tuple[float, float]
    side: float
    angle: float  # radians, from the picture's x axis to the face's

    def warp(self, side: int) -> np.ndarray:
        """Return the 2 x 3 transform from the picture to side x side pixels."""
        scale = side / self.side
        a = scale * math.cos(self.angle)
        b = scale * math.sin(self.angle)
        x, y = self.centre
        middle = side / 2 - 0.5
        return np.array(
            [[a, b, middle - a * x - b * y], [-b, a, middle + b * x - a * y]]
        )


class Face(NamedTuple):
    """A face found in a picture."""

    mesh: np.ndarray  # (468, 2) float32, pixels (x, y)
    presence: float  # 0 to 1: that the mesh lies on a face

    @property
    def landmarks(self) -> np.ndarray:
        """BP4D's 49, (49, 2) float32, pixels (x, y)."""
        return (self.mesh[_FIRST] + self.mesh[_SECOND]) / 2

    @property
    def landmarks_68(self) -> np.ndarray:
        """iBUG's and OpenFace's 68, (68, 2) float32, pixels (x, y)."""
        own, (left, right) = self.landmarks, self.mesh[list(INNER_LIP_CORNERS)]
        parts = self.mesh[list(JAW)], own[:43], [left], own[43:46], [right], own[46:]
        return np.concatenate(parts)

    @property
    def box(self) -> np.ndarray:
        """Left, top, right, bottom of the mesh, in pixels."""
        return np.concatenate([self.mesh.min(axis=0), self.mesh.max(axis=0)])

    @property
    def side(self) -> float:
        """The longer side of its box, in pixels."""
        left, top, right, bottom = self.box
        return float(max(right - left, bottom - top))

    @property
    def region(self) -> Region:
        """Where to fit a mesh next: the mesh's own square, turned with the eyes."""
        left, right = self.mesh[list(EYES)]
        angle = math.atan2(*(right - left)[::-1])
        sine, cosine = math.sin(angle), math.cos(angle)
        turn = np.array([[cosine, sine], [-sine, cosine]])
        upright = self.mesh @ turn.T
        low, high = upright.min(axis=0), upright.max(axis=0)
        x, y = (low + high) / 2 @ turn
        return Region((float(x), float(y)), MARGIN * float((high - low).max()), angle)


def find_faces(image: np.ndarray) -> list[Face]:
    """Find the faces of a picture, the largest first.

    image: H x W x 3 uint8 BGR. The mesh is fitted twice, in the detector's box and then
    in its own.
    """
    faces = _fitted(image, detect(image))
    if not faces or any(abs(face.region.angle) > TURNED for face in faces):
        faces += _fitted(image, upside_down(image))
    return distinct(faces)


def detect_landmarks(image: np.ndarray) -> np.ndarray | None:
    """Return BP4D's 49 landmarks of a picture's largest face, None where there is none.

    image: H x W x 3 uint8 BGR; landmarks: (49, 2) float32, pixels (x, y).
    """
    faces = find_faces(image)
    return faces[0].landmarks if faces else None


def _fitted(image: np.ndarray, regions: list[Region]) -> list[Face]:
    first = (fit_mesh(image, region) for region in regions)
    faces = (fit_mesh(image, face.region) for face in first if face)
    return [face for face in faces if face]


def distinct(faces: list[Face]) -> list[Face]:
    """Keep one mesh of each face: the one that is surest; the largest face first."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.presence):
        if not any(_same(face.box, other.box) for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: -face.side)


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return overlap(a, b) >= OVERLAP or _common(a, b) >= INSIDE * min(_area(a), _area(b))


def overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the intersections of boxes (..., 4) over their unions."""
    common = _common(a, b)
    return common / np.maximum(_area(a) + _area(b) - common, 1e-9)


def _common(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    return sides.clip(0).prod(axis=-1)


def _area(box: np.ndarray) -> np.ndarray:
    return (box[..., 2:] - box[..., :2]).prod(axis=-1)


# ---- The mesh


def fit_mesh(image: np.ndarray, region: Region) -> Face | None:
    """Fit the mesh to the face of a region; None where there is none."""
    times = max(1, int(region.side / MESH_SIDE / 2))
    warp = region.warp(MESH_SIDE * times)
    shape = (MESH_SIDE * times,) * 2
    crop = cv2.warpAffine(image, warp, shape, flags=cv2.INTER_LINEAR)
    if times > 1:  # bilinear sampling alone would alias
        crop = cv2.resize(crop, (MESH_SIDE,) * 2, interpolation=cv2.INTER_AREA)
    net, outputs = _network(face_models.MESH)
    net.setInput(cv2.dnn.blobFromImage(crop, 1 / 255, swapRB=True))
    small, large = sorted(net.forward(outputs), key=np.size)
    presence = 1 / (1 + math.exp(-float(small.item())))
    if presence < LEAST_PRESENCE:
        return None
    points = large.reshape(-1, 3)[:, :2] - 0.5  # pixel centres at whole numbers
    back = cv2.invertAffineTransform(region.warp(MESH_SIDE))
    return Face((points @ back[:, :2].T + back[:, 2]).astype(np.float32), presence)


# ---- The detector


def detect(image: np.ndarray) -> list[Region]:
    """Find the squares that hold the faces of a picture, turned with their eyes."""
    height, width = image.shape[:2]
    scale = DETECTOR_SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(image, size, interpolation=method)
    square = np.zeros((DETECTOR_SIDE, DETECTOR_SIDE, 3), np.uint8)
    top, left = (DETECTOR_SIDE - size[1]) // 2, (DETECTOR_SIDE - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = small
    net, outputs = _network(face_models.DETECTOR)
    middle = (127.5, 127.5, 127.5)
    net.setInput(cv2.dnn.blobFromImage(square, 1 / 127.5, mean=middle, swapRB=True))
    scores, values = sorted(net.forward(outputs), key=np.size)
    found = _merged(scores.ravel(), values.reshape(len(scores.ravel()), -1))
    return [_region(points, (left, top), scale) for points in found]


def upside_down(image: np.ndarray) -> list[Region]:
    """Find faces in the picture turned by 180 degrees; in the picture's pixels."""
    height, width = image.shape[:2]
    found = detect(cv2.rotate(image, cv2.ROTATE_180))
    return [
        Region((width - 1 - x, height - 1 - y), side, angle + math.pi)
        for (x, y), side, angle in found
    ]


def _merged(logits: np.ndarray, values: np.ndarray) -> list[np.ndarray]:
    """Return (8, 2) points of each face: box corners, eyes, nose, mouth, ears.

    Boxes that overlap are one face's: their mean counts, weighted by their scores.
    """
    scores = 1 / (1 + np.exp(-logits.clip(-80, 80)))
    sure = scores > LEAST_SCORE
    points = values[sure].reshape(-1, 8, 2)
    points[:, [0, *range(2, 8)]] += _anchors()[sure, None]
    half = points[:, 1] / 2
    points[:, 0], points[:, 1] = points[:, 0] - half, points[:, 0] + half
    scores, boxes = scores[sure], points[:, :2].reshape(-1, 4)
    left, found = np.argsort(-scores), []
    while len(left):
        same = overlap(boxes[left[0]], boxes[left]) >= OVERLAP
        same[0] = True
        group, left = left[same], left[~same]
        found.append(np.average(points[group], axis=0, weights=scores[group]))
    return found


def _region(points: np.ndarray, corner: tuple[int, int], scale: float) -> Region:
    low, high, left_eye, right_eye = (points[:4] - corner) / scale
    angle = math.atan2(*(right_eye - left_eye)[::-1])
    x, y = (low + high) / 2
    return Region((float(x), float(y)), MARGIN * float((high - low).max()), angle)


@cache
def _anchors() -> np.ndarray:
    """Centres of the detector's 896 cells in its pixels: 16 x 16 by 2, 8 x 8 by 6."""
    grids = []
    for stride, each in ((16, 2), (32, 6)):
        cells = np.arange(DETECTOR_SIDE // stride) * stride + stride / 2
        x, y = np.meshgrid(cells, cells)
        grids.append(np.stack([x, y], axis=-1).reshape(-1, 2).repeat(each, axis=0))
    return np.concatenate(grids).astype(np.float32)


@cache
def _network(model: face_models.Model) -> tuple[cv2.dnn.Net, tuple[str, ...]]:
    # OpenCV 5's new engine gives the last output alone.
    engine = (cv2.dnn.ENGINE_CLASSIC,) if hasattr(cv2.dnn, "ENGINE_CLASSIC") else ()
    net = cv2.dnn.readNetFromTFLite(str(face_models.path(model)), *engine)
    return net, net.getUnconnectedOutLayersNames()
