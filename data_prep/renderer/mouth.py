"""The mouth: lips between four curves that AUs bend, teeth and dark behind them."""

from dataclasses import dataclass

import numpy as np

from data_prep.renderer.canvas import X, Y, noise, step, window

SOFT = 0.016  # width of an edge in units


@dataclass
class Mouth:
    """The mouth of one frame in units; s runs -1 (left in the picture) .. 1."""

    y: float
    half: float
    corner: float  # how far the corners lie below the middle
    skew: float  # right corner below the left
    up: float  # thickness of the lips
    low: float
    rise: float  # lifts the upper lip's middle part
    push: float  # lifts the lower lip
    gap: float
    bow: float  # depth of Cupid's bow, 0..1

    def seam(self, s):
        """y where closed lips would meet."""
        bend = self.corner * np.abs(s) ** 1.7 + self.skew * s
        return self.y + bend - self.push * np.clip(1 - s * s, 0, 1)

    def _open(self, s):
        return np.clip(1 - s * s, 0, 1) ** 0.75

    def upper_in(self, s):
        """y of the upper lip's lower edge."""
        lift = 0.7 * self.rise * np.exp(-((s / 0.55) ** 2)) * self._open(s)
        return self.seam(s) - 0.30 * self.gap * self._open(s) - lift

    def lower_in(self, s):
        """y of the lower lip's upper edge."""
        return self.seam(s) + 0.70 * self.gap * self._open(s)

    def upper_out(self, s):
        """y of the upper lip's upper edge."""
        arch = np.clip(1 - np.abs(s) ** 1.7, 0, 1) ** 0.85
        arch = arch * (1 - 0.24 * self.bow * np.exp(-((s / 0.13) ** 2)))
        lift = 0.3 * self.rise * np.exp(-((s / 0.7) ** 2)) * arch
        return self.upper_in(s) - self.up * arch - lift

    def lower_out(self, s):
        """y of the lower lip's lower edge."""
        return self.lower_in(s) + self.low * np.clip(1 - s * s, 0, 1) ** 1.1

    def landmarks(self):
        """(18, 2): 12 around the lips from the left corner, 6 around the opening."""
        s5 = np.array([-0.66, -0.24, 0, 0.24, 0.66])
        s3 = np.array([-0.45, 0, 0.45])
        ends = np.array([-1.0, 1.0])
        left, right = self.seam(ends)
        ss = np.r_[-1, s5, 1, s5[::-1], s3, s3[::-1]]
        ys = np.r_[
            left,
            self.upper_out(s5),
            right,
            self.lower_out(s5[::-1]),
            self.upper_in(s3),
            self.lower_in(s3[::-1]),
        ]
        return np.c_[ss * self.half, ys]


def shape(s, a) -> Mouth:
    """The subject's mouth under AU strengths a (a mapping)."""
    wide = 1 + 0.20 * a[12] + 0.24 * a[20] - 0.16 * a[23] - 0.08 * a[24]
    wide += -0.05 * a[17] - 0.04 * a[14] - 0.10 * a[26]
    thin = (1 - 0.55 * a[23]) * (1 - 0.72 * a[24]) * (1 - 0.35 * a[20])
    closed = 1 - max(a[24], 0.6 * a[23], 0.5 * a[17])
    corner = (
        0.045 * a[26]
        + 0.012 * a[25]
        - 0.125 * a[12]
        + 0.095 * a[15]
        + 0.055 * a[17]
        - 0.020 * a[14]
    )
    lean = s.lean[12] * 0.5 * a[12] + s.lean[14] * 0.5 * a[14]
    return Mouth(
        y=s.mouth_y + 0.03 * a[12] + 0.03 * a[26],
        half=s.mouth_w * wide,
        corner=corner + 0.012 + 0.02 * a[20],
        skew=-0.12 * lean,
        up=s.lip_up * thin * (1 - 0.28 * a[12]) * (1 - 0.15 * a[26]),
        low=s.lip_low * thin * (1 - 0.20 * a[12]) * (1 + 0.18 * a[17]),
        rise=0.085 * a[10] + 0.03 * a[9],
        push=0.040 * a[17],
        gap=(0.10 * a[25] + 0.26 * a[26]) * closed,
        bow=max(0.0, 1 - 0.6 * a[12] - 0.6 * a[20] - 0.5 * a[24]),
    )


def _frame(m):
    box = window(-0.72, m.y - 0.45, 0.72, m.y + 0.62)
    return box, X[box][:1] / m.half, Y[box][:, :1]


def _curves(m, s):
    c = np.clip(s, -1, 1)
    return m.upper_out(c), m.upper_in(c), m.lower_in(c), m.lower_out(c)


def form_lips(subject, m, a, relief, colour, gloss, lines):
    """Raise the lips' relief and tint them, in place. lines is (H, W) noise."""
    box, s, y = _frame(m)
    uo, ui, li, lo = _curves(m, s)
    within = step(np.abs(s), 1.03, 0.90)
    upper = step(y - uo, -SOFT, SOFT) * step(ui - y, -SOFT, SOFT) * within
    lower = step(y - li, -SOFT, SOFT) * step(lo - y, -SOFT, SOFT) * within
    t_up = np.clip((y - uo) / np.maximum(ui - uo, 1e-3), 0, 1)
    t_low = np.clip((y - li) / np.maximum(lo - li, 1e-3), 0, 1)
    full = np.clip(1 - s * s, 0, 1) ** 0.5 * within
    z = 0.050 * np.sin(np.pi * t_up**1.1) * (y < ui) * full * (m.up / 0.095) ** 0.5
    z += 0.070 * np.sin(np.pi * t_low**0.8) * (y > li) * full * (m.low / 0.135) ** 0.5
    z += 0.012 * np.exp(-(((y - uo + 0.012) / 0.014) ** 2)) * full  # rim
    z -= 0.055 * np.exp(-((np.maximum(y - lo, 0) / 0.05) ** 2)) * (y > lo) * full
    corner = np.exp(
        -(((np.abs(s) - 1.0) / 0.07) ** 2 + ((y - (ui + li) / 2) / 0.035) ** 2)
    )
    z -= (0.030 + 0.03 * a[14] + 0.02 * a[12]) * corner
    relief[box] += z
    lips = np.maximum(upper, lower)
    relief[box] += 0.004 * lips * lines[box]
    skin = colour[box][..., :3].astype(np.float32)
    rosy = _lip_tone(subject, a)
    tone = rosy * (1 + 0.03 * lines[box])[..., None] * (1 - 0.13 * upper)[..., None]
    skin += (0.86 * lips)[..., None] * (tone - skin)
    seam = np.exp(-(((y - m.seam(np.clip(s, -1, 1))) / 0.012) ** 2)) * within
    skin *= 1 - (0.62 * seam * (1 - 0.5 * s * s) + 0.35 * corner)[..., None].clip(
        0, 1
    ) * (0.8, 0.8, 0.7)
    colour[box][..., :3] = skin.clip(0, 255)
    gloss[box] = np.maximum(gloss[box], 0.75 * lower + 0.4 * upper)


def _lip_tone(subject, a):
    """Rosier than the skin; paler when pressed."""
    pale = 0.6 * max(a[24], 0.4 * a[23])
    rosy = subject.skin * (0.80, 0.72, 0.90) + (4, 2, 8)
    return (rosy + pale * (subject.skin * (0.95, 0.92, 0.95) - rosy)).astype(np.float32)


def paint_inside(m, a, lit):
    """Teeth, tongue and the dark between open lips, over the lit face, in place."""
    if m.gap < 0.006 and m.rise < 0.02:
        return
    box, s, y = _frame(m)
    _, ui, li, _ = _curves(m, s)
    open_ = step(y - ui, -SOFT, SOFT) * step(li - y, -SOFT, SOFT) * (np.abs(s) < 1)
    face = lit[box]
    level = 0.35 + 0.6 * float(face.mean())
    x = s * m.half  # (1, w); y is (h, 1)
    inside = np.broadcast_to(np.float32((0.06, 0.05, 0.14)), face.shape).copy()
    tongue = np.exp(-((x / 0.22) ** 2)) * step(y, li - 0.11, li - 0.02)
    tongue = (0.8 * tongue * step(li - ui, 0.10, 0.22))[..., None]
    inside += tongue * (np.float32((0.26, 0.25, 0.48)) * level - inside)
    base = m.y - 0.30 * m.gap - m.rise * 0.7
    edge = base + 0.085 - 0.35 * x * x
    teeth = step(edge - y, -0.008, 0.008) * step(np.abs(x), 0.34, 0.28)
    width = 0.082
    tooth = np.abs(np.mod(x / width + 0.0, 1) - 0.0)
    split = np.exp(-((np.minimum(tooth, 1 - tooth) * width / 0.006) ** 2))
    white = 0.86 - 0.22 * split - 1.5 * x * x
    white = white * (0.65 + 0.35 * step(y - ui, 0.0, 0.05))
    inside += teeth[..., None] * (
        white[..., None] * np.float32((0.86, 0.95, 1.0)) * level - inside
    )
    face += open_[..., None] * (inside - face)


def lip_lines(rng) -> np.ndarray:
    """(H, W) noise in fine vertical lines, for lips."""
    fine = noise(rng, 2, (24, X.shape[1]))
    return np.repeat(fine, X.shape[0] // 24 + 1, 0)[: X.shape[0]]
