"""MATLAB v5 files, looked at before SciPy reads them."""

import struct
import zlib
from collections.abc import Iterator

# The format's numbers of types and of arrays' classes
MATRIX, PACKED = 14, 15
NUMBERS = {1, 2, 3, 4, 5, 6, 7, 9, 12, 13}
NUMERIC = range(6, 16)  # double, single, int8 to uint64
MOST = 10**7  # bytes that are unpacked


def check_v5(file: bytes) -> None:
    """Raise ValueError or struct.error where `pts` of a MATLAB v5 file is damaged.

    SciPy (1.14.1) ends the process at a number of a type that there is not
    (scipy/scipy#25829, open in August 2026).
    """
    order = "<" if file[126:128] == b"IM" else ">"
    for kind, content in _elements(file[128:], order):
        if kind == PACKED:
            content = zlib.decompressobj().decompress(content, MOST)
            kind, content = next(_elements(content, order))
        *flags_tag, flags = struct.unpack_from(f"{order}3I", content)
        if kind != MATRIX or flags_tag != [6, 8]:  # which SciPy takes for granted
            raise ValueError("damaged")
        _, _, name, *numbers = _elements(content, order)
        if name[1] == b"pts" and (
            flags & 0xFF not in NUMERIC
            or len(numbers) != 1 + (flags >> 11 & 1)  # an imaginary part
            or any(kind not in NUMBERS for kind, _ in numbers)
        ):
            raise ValueError("damaged")


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Yield type and content of each element."""
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        if kind >> 16:  # a small one has its content in the place of its size
            kind, size, at = kind & 0xFFFF, kind >> 16, at + 4
            end = at + 4
            if size > 4:
                raise ValueError("damaged")
        else:
            at += 8
            end = at + size + (-size % 8 if kind != PACKED else 0)
        if at + size > len(data):
            raise ValueError("cut off")
        yield kind, data[at : at + size]
        at = end
