"""How fast `drml predict` watches a video: 640 x 360 pixels, one face, DRML.

    python -m bench.predict [--frames 500]

A face in a photo that ships with scikit-image moves about; the weights are random,
which takes as long. Prints faces a second, end to end from file to table, and the
processor's time for each, which tells more on a machine that has other work.
"""

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import skimage.data

from data_prep.base import write
from data_prep.network_input import write_mean
from drml.nets.prototxt import Training, deploy
from drml.nets.pycaffe import caffe, processor
from drml.predict import Detector
from drml.predict.video import Frames, analyse

SIZE = 640, 360
AUS = (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)


def main() -> None:
    """Make a video and weights, and time what there is to do."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=500)
    frames = parser.parse_args().frames
    with tempfile.TemporaryDirectory() as folder:
        video = film(Path(folder) / "face.mp4", frames)
        detector = random_detector(Path(folder))
        first = film(Path(folder) / "first.mp4", 10)
        analyse(detector, str(first), Path(folder) / "first.csv")
        busy = time.process_time()
        for _ in Frames(str(video)):
            pass
        decoding = time.process_time() - busy
        start, busy = time.perf_counter(), time.process_time()
        analyse(detector, str(video), Path(folder) / "face.csv")
        wall, busy = time.perf_counter() - start, time.process_time() - busy
    print(processor())
    print(f"{frames} frames with a face each: {frames / wall:.1f} faces a second")
    print(f"the processor's time: {1000 * busy / frames:.1f} ms a face", end="")
    print(f", of which decoding takes {1000 * decoding / frames:.1f}")


def film(file: Path, frames: int) -> Path:
    """Write a video of the photo's face, some 170 pixels large, moving."""
    photo = skimage.data.astronaut()[:, :, ::-1]
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter_fourcc(*"mp4v"), 25, SIZE)
    for frame in range(frames):
        angle, scale = 10 * np.sin(frame / 15), 1.6 + 0.3 * np.sin(frame / 20)
        warp = cv2.getRotationMatrix2D((223, 110), angle, scale)
        warp[:, 2] += 97 + 60 * np.sin(frame / 25), 80
        writer.write(cv2.warpAffine(photo, warp, SIZE, borderMode=cv2.BORDER_REPLICATE))
    writer.release()
    return file


def random_detector(folder: Path) -> Detector:
    """Return a detector with DRML's net and random weights."""
    net, weights, mean = (folder / n for n in ("net.prototxt", "net", "mean"))
    write(net, deploy("drml", Training()))
    filled = caffe.Net(str(net), caffe.TEST)
    rng = np.random.default_rng(0)
    for blobs in filled.params.values():
        shape = blobs[0].data.shape
        blobs[0].data[...] = rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
    filled.save(str(weights))
    write_mean([np.full((200, 200, 3), 120, np.uint8)], mean)
    return Detector(net, weights, mean, AUS)


if __name__ == "__main__":
    main()
