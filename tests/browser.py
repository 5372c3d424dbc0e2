"""A headless Chromium, told what to do through its debugging pipe."""

import base64
import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from itertools import count
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WAIT = 60  # seconds, for a machine that has other work


class Browser:
    """One page of it."""

    def __init__(self, process, commands, answers):
        self._process, self._commands, self._answers = process, commands, answers
        self._numbers, self._rest, self._session = count(1), b"", {}

    def call(self, method, **params):
        """Send a command of the DevTools protocol; returns its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params, **self._session}
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != number:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def _read(self):
        while b"\0" not in self._rest:
            part = os.read(self._answers, 2**16)
            assert part, "Chromium ended"
            self._rest += part
        line, self._rest = self._rest.split(b"\0", 1)
        return json.loads(line)

    def open(self, url):
        target = self.call("Target.createTarget", url=url)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": session["sessionId"]}

    def value(self, script):
        """Return what a script's last expression is."""
        options = dict(expression=script, returnByValue=True, awaitPromise=True)
        return self.call("Runtime.evaluate", **options)["result"].get("value")

    def until(self, script):
        """Wait until a script is true; returns its value."""
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            if value := self.value(script):
                return value
            time.sleep(0.2)
        text = self.value("document.body.innerText")
        raise AssertionError(f"never true: {script}; the page says: {text}")

    def screenshot(self, file: Path):
        content = self.call("Page.captureScreenshot")["data"]
        file.write_bytes(base64.b64decode(content))


@contextmanager
def browsing(folder: Path, *options):
    """Start Chromium; `folder` is for its profile."""
    ours, theirs = os.pipe(), os.pipe()  # to it and from it

    def as_three_and_four():
        # Above both first, so that neither is overwritten.
        high = [os.dup2(fd, 100 + i) for i, fd in enumerate((ours[0], theirs[1]))]
        for place, fd in zip((3, 4), high, strict=True):
            os.dup2(fd, place)

    words = [
        CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu",
        "--remote-debugging-pipe", f"--user-data-dir={folder}",
        "--window-size=1200,760", *options, "about:blank",
    ]  # fmt: skip
    process = subprocess.Popen(
        words,
        pass_fds=(3, 4),
        preexec_fn=as_three_and_four,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    os.close(ours[0])
    os.close(theirs[1])
    try:
        yield Browser(process, ours[1], theirs[0])
    finally:
        process.terminate()
        process.wait()
        os.close(ours[1])
        os.close(theirs[0])
