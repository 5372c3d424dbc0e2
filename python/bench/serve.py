"""The far end of worker.py: calls an engine's methods as they are asked for."""

import os
import pickle
import signal
import sys
import traceback


def serve(engine: object) -> None:
    """Answer requests (name, arguments) on stdin until it closes.

    Replies are (True, result) or (False, what went wrong). Prints go to stderr.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asks
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            name, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            reply = True, getattr(engine, name)(**arguments)
        except Exception as error:
            traceback.print_exc()
            reply = False, repr(error)
        pickle.dump(reply, replies, pickle.HIGHEST_PROTOCOL)
        replies.flush()
