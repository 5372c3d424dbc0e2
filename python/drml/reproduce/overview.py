"""The plan as a table: what is done, what is to be done, how long it may take."""

from collections.abc import Mapping, Sequence

from drml.report.tables import lay_out
from drml.reproduce.estimate import Estimate, span
from drml.reproduce.step import Step
from drml.reproduce.verdict import State, Verdict

HEADER = ("part", "steps", "done", "to do", "about")


def overview(
    title: str,
    steps: Sequence[Step],
    verdicts: Mapping[str, Verdict],
    estimate: Estimate,
) -> str:
    """Lay the parts out."""
    parts = {s.part: [x for x in steps if x.part == s.part] for s in steps}
    rows = [_row(part, own, verdicts, estimate) for part, own in parts.items()]
    foot = _row("all", steps, verdicts, estimate)
    return lay_out(title, [HEADER, *rows, foot], names=0)


def _row(
    part: str,
    steps: Sequence[Step],
    verdicts: Mapping[str, Verdict],
    estimate: Estimate,
) -> tuple[str, ...]:
    todo = [s for s in steps if verdicts[s.name].state is not State.DONE]
    times = [estimate.seconds(step) for step in todo]
    known = [time for time in times if time is not None]
    text = "?" if todo and not known else span(sum(known)) if todo else ""
    more = "+ ?" if known and len(known) < len(times) else ""
    return (
        part,
        str(len(steps)),
        str(len(steps) - len(todo)),
        str(len(todo)),
        f"{text} {more}".strip(),
    )
