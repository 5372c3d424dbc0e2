"""Open a page on this machine that shows AUs live: webcam, pictures, videos.

The page is at 127.0.0.1 and nowhere else: the browser sends its frames to this command
and to nobody besides. Ctrl-C ends it. Weights as for `drml predict`; --demo takes the
net that `make demo` trained, on drawings, and the page says so.
"""

import argparse

from data_prep.base import whole
from drml.cli.predict import add_weights, check_weights, open_detector
from drml.predict.serve import Server


def run(options: argparse.Namespace) -> None:
    check_weights(options)
    detector = open_detector(options)
    with Server(detector, options.port) as server:
        print(f"{server.address} shows the AUs; Ctrl-C ends it", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()  # its usual end


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_weights(parser)
    port = parser.add_argument
    port("--port", type=whole(0, 65535), default=8770, help="0: any free one (8770)")
