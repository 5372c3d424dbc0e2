"""What Snakemake says while it runs the paper's experiments: a line a step.

Snakemake finds a logger by the name of this package. All that it would say by itself
is in OUT/.snakemake/log.
"""

import logging
import sys

from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from drml.reproduce.contents import step_name

KNOWN = ("CalledProcessError", "Exiting because a job", "At least one job did not")


class LogHandler(LogHandlerBase):
    """Name each step as it begins, and say what failed."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self._begun = self._total = 0

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        if event == LogEvent.RUN_INFO:
            counts = getattr(record, "stats", {})
            self._total = counts.get("total", 0) - counts.get("results", 0)
        elif event == LogEvent.JOB_INFO and record.rule_name != "results":
            self._begun += 1
            name = step_name(record.rule_name, record.wildcards)
            self._say(f"step {self._begun} of {self._total}: {name}")
        elif record.levelno >= logging.ERROR:
            self._fault(record)

    def _say(self, text: str) -> None:
        if Quietness.ALL not in (self.common_settings.quiet or ()):
            print(text, file=sys.stderr, flush=True)

    def _fault(self, record: logging.LogRecord) -> None:
        """Say what no command has said: those that fail tell why themselves."""
        message = record.getMessage()
        if hasattr(record, "rule_name"):
            for name, value in record.aux.items():  # a cluster's: the job's number, log
                print(f"{record.rule_name} failed; {name}: {value}", file=sys.stderr)
        elif not any(known in message for known in KNOWN):
            print(message, file=sys.stderr)
