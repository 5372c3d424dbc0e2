"""The report of a prediction: AUs over time beside frames, pictures; one HTML file."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from data_prep.aus import AU_NAMES
from drml.figures.style import STYLE, colour, svg
from drml.nets.deploy import net_title
from drml.predict.annotate import annotated_frames, draw, faces_of
from drml.predict.detector import Detector
from drml.predict.sources import read_picture
from drml.report.pages import Facts, Page, Picture, Section

FACES = 3  # in a video: those seen longest
SAMPLES = 6  # frames, or pictures
BINS = 600  # of a curve: no more can be seen
WIDTH = 1200  # pixels of a sheet of samples
EXPLAINED = (
    "A score is the network's output, 0 to 1, and no intensity; it is called present "
    "from 0.5 on, the dashed line. Gaps are frames without that face."
)


def page(
    detector: Detector, pictures: pd.DataFrame | None, videos: dict[str, Path]
) -> str:
    """Return the page as HTML; videos: the table of each, by its path."""
    sections = [_video(detector, path, csv) for path, csv in videos.items()]
    if pictures is not None:
        sections.append(_pictures(detector, pictures))
    return Page(
        title="Action units of your own pictures",
        summary=[_summary(pictures, videos)],
        sections=sections,
        facts=_facts(detector),
        notices=[f"The network was {detector.notice}."] if detector.notice else [],
    ).as_html()


def _summary(pictures: pd.DataFrame | None, videos: dict[str, Path]) -> str:
    parts = []
    if videos:
        parts.append(f"{len(videos)} video{'s' * (len(videos) > 1)}")
    if pictures is not None:
        count, faces = pictures["file"].nunique(), int(pictures["success"].sum())
        parts.append(f"{count} picture{'s' * (count > 1)} with {faces} faces")
    return " and ".join(parts) + "."


def _facts(detector: Detector) -> Facts:
    trained = detector.trained
    facts = [("network", net_title(trained.net)), ("weights", str(trained.weights))]
    return [*facts, ("trained on", trained.dataset)] if trained.dataset else facts


def _video(detector: Detector, path: str, csv: Path) -> Section:
    scores = [f"AU{au:02d}_p" for au in detector.aus]
    columns = ["frame", "face_id", "timestamp", "success", *scores]
    table = pd.read_csv(csv, usecols=columns)
    found = table[table["success"] == 1]
    frames, with_face = table["frame"].nunique(), found["frame"].nunique()
    facts = [
        ("frames", f"{frames}, {table['timestamp'].max():.1f} s"),
        ("with a face", f"{with_face} ({with_face / frames:.0%})"),
        ("faces", str(found["face_id"].nunique())),
        ("table", csv.name),
    ]
    name = Path(path).name
    if found.empty:
        return Section(name, [f"No face was found in {path}."], facts=facts)
    curves = Picture(f"{csv.stem}.svg", _curves(found, detector.aus), EXPLAINED)
    sheet = _sheet(_frames(detector, path, csv, found), f"{csv.stem}.png", "frames")
    return Section(name, pictures=[curves, sheet], facts=facts)


def _curves(found: pd.DataFrame, aus: Sequence[int]) -> bytes:
    """An axis an AU, over seconds; a line a face."""
    longest = found["face_id"].value_counts().index[:FACES]
    with rc_context(STYLE):
        figure = Figure(figsize=(9, 0.62 * len(aus) + 0.6), layout="constrained")
        axes = figure.subplots(len(aus), 1, sharex=True, squeeze=False)[:, 0]
        for axis, au in zip(axes, aus, strict=True):
            for number, face in enumerate(longest):
                own = found[found["face_id"] == face]
                x, y = _thinned(own, f"AU{au:02d}_p", found["timestamp"].max())
                style = dict(color=colour(number), linewidth=1.2, label=f"face {face}")
                axis.plot(x, y, **style)
            axis.axhline(0.5, color="#8a8f98", linewidth=0.6, linestyle="--")
            axis.set_ylim(-0.03, 1.03)
            axis.set_yticks([0, 1])
            label = f"{au} {AU_NAMES[au]}"
            axis.set_ylabel(label, rotation=0, ha="right", va="center")
        if len(longest) > 1:
            axes[0].legend(loc="lower right", bbox_to_anchor=(1, 1), ncol=FACES)
        axes[-1].set_xlabel("seconds")
    return svg(figure)


def _thinned(
    own: pd.DataFrame, score: str, end: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return times and scores, means of BINS at most, NaN where the face is away."""
    step = max(end / BINS, float(own["timestamp"].diff().median() or 0.04), 1e-3)
    bins = own.groupby((own["timestamp"] / step).round().astype(int))
    means = bins[["timestamp", score]].mean()
    whole = means.reindex(range(means.index.min(), means.index.max() + 1))
    short = whole.interpolate(limit=2, limit_area="inside")  # rounding's own gaps
    return short["timestamp"].to_numpy(), short[score].to_numpy()


def _frames(
    detector: Detector, path: str, csv: Path, found: pd.DataFrame
) -> list[np.ndarray]:
    """Draw frames at even distances through those that show a face."""
    numbers = found["frame"].unique()
    places = np.linspace(0, len(numbers) - 1, min(SAMPLES, len(numbers)))
    wanted = set(numbers[places.round().astype(int)].tolist())
    frames = annotated_frames(path, csv, detector.aus, detector.notice, wanted)
    return [image for _, _, image in frames]


def _pictures(detector: Detector, table: pd.DataFrame) -> Section:
    facts = [("table", "pictures.csv")]
    files = table.loc[table["success"] == 1, "file"].unique()
    if not len(files):
        return Section("Pictures", ["No face was found."], facts=facts)
    places = np.linspace(0, len(files) - 1, min(SAMPLES, len(files)))
    images = []
    for file in files[places.round().astype(int)]:
        rows = table[table["file"] == file].to_dict("records")
        faces = faces_of(rows, detector.aus)
        images.append(draw(read_picture(file), faces, detector.aus, detector.notice))
    sheet = _sheet(images, "pictures.png", "pictures")
    return Section("Pictures", pictures=[sheet], facts=facts)


def _sheet(images: list[np.ndarray], name: str, what: str) -> Picture:
    """Lay images out two a row."""
    half = WIDTH // 2
    cells = [
        cv2.resize(
            image, (half, round(image.shape[0] * half / image.shape[1])),
            interpolation=cv2.INTER_AREA,
        )
        for image in images
    ]  # fmt: skip
    rows = []
    for pair in (cells[i : i + 2] for i in range(0, len(cells), 2)):
        height = max(cell.shape[0] for cell in pair)
        row = np.full((height, WIDTH, 3), 255, np.uint8)
        for column, cell in enumerate(pair):
            left = column * half
            row[: cell.shape[0], left : left + half] = cell
        rows.append(row)
    content = cv2.imencode(".png", np.vstack(rows))[1].tobytes()
    caption = f"{what.capitalize()} at even distances, not picked by hand."
    return Picture(name, content, caption)
