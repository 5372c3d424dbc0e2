"""Registration to the mean shape."""

import cv2
import numpy as np
import pytest
from skimage.transform import SimilarityTransform
from tiny_bp4d import HEIGHT, MARKER, WIDTH, landmarks, write_image

from data_prep.registration import (
    MEAN_SHAPE,
    MIRROR,
    mean_shape,
    register,
    similarity,
)


def test_mean_shape_is_its_own_mirror_image():
    mirrored = MEAN_SHAPE[MIRROR] * (-1, 1) + (1000, 0)
    assert np.array_equal(mirrored, MEAN_SHAPE)
    assert np.array_equal(MIRROR[MIRROR], np.arange(49))
    assert len(np.unique(MEAN_SHAPE, axis=0)) == 49


@pytest.mark.parametrize("size", [200, 256])
def test_mean_shape_mirrors_in_pixels_and_fits_the_centre_crop(size):
    shape = mean_shape(size)
    np.testing.assert_allclose(
        (size - 1) - shape[MIRROR, 0], shape[:, 0], rtol=0, atol=1e-10
    )
    margin = size * 15 // 200
    assert shape.min() > margin
    assert shape.max() < size - 1 - margin


def test_landmarks_that_differ_by_a_similarity_land_on_the_mean_shape():
    points = landmarks(np.random.default_rng(1))
    warp = similarity(points, mean_shape(200))
    landed = points @ warp[:, :2].T + warp[:, 2]
    np.testing.assert_allclose(landed, mean_shape(200), rtol=0, atol=1e-6)


def test_similarity_is_umeyamas_for_any_landmarks():
    rng = np.random.default_rng(2)
    points = landmarks(rng) + rng.normal(0, 3, (49, 2))
    expected = SimilarityTransform()
    assert expected.estimate(points, mean_shape(200))
    np.testing.assert_allclose(
        similarity(points, mean_shape(200)), expected.params[:2], rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("size", [40, 200, 256])  # below, near and above the frame's
def test_a_drawn_landmark_is_where_it_must_be_within_a_pixel(tmp_path, size):
    points = landmarks(np.random.default_rng(3))
    write_image(tmp_path / "frame.jpg", points)
    face = register(cv2.imread(str(tmp_path / "frame.jpg")), points, size)
    assert face.shape == (size, size, 3)
    assert face.dtype == np.uint8
    weight = np.clip(face[:, :, 0].astype(float) - 80, 0, None)
    y, x = np.mgrid[:size, :size]
    found = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()
    assert np.abs(found - mean_shape(size)[MARKER]).max() < 0.5


def test_a_large_frame_is_averaged_not_sampled():
    stripes = np.zeros((4 * HEIGHT, 4 * WIDTH, 3), np.uint8)
    stripes[:, ::2] = 255  # finer than the target can show: its mean is grey
    points = 4 * landmarks(np.random.default_rng(4))
    face = register(stripes, points, 50)[15:35, 15:35]
    assert face.std() < 20
    assert abs(face.mean() - 127.5) < 5
