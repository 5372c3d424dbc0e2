"""python -m drml.reproduce.first_iteration NETWORK BATCH: time one iteration.

Prints milliseconds a face in training ("train") and in scoring ("test") as JSON.
"""

import json
import sys

from data_prep.base import run
from drml.pycaffe import choose_mode
from drml.timing import PHASES, time_trials


def main() -> None:
    network, batch = sys.argv[1], int(sys.argv[2])
    choose_mode()
    times = {}
    for phase, prepare in PHASES.items():
        (time,) = time_trials(prepare(network, batch), trials=1, iterations=1)
        times[phase] = round(time / batch, 3)
    print(json.dumps(times))


if __name__ == "__main__":
    run(main)
