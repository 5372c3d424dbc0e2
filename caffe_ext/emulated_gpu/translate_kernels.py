"""Rewrites a CUDA source as C++ for the emulated GPU (cuda_kernel.h).

    translate_kernels.py SOURCE.cu RESULT.cpp

    kernel<T><<<grid, block>>>(x)    emulated_gpu::Launch(kernel<T>, {grid, block})(x)
    extern __shared__ T memory[];    T* memory = emulated_gpu::DynamicShared<T>();

Lines keep their numbers, and compilers name those of SOURCE.cu.
"""

import re
import sys
from pathlib import Path

KERNEL = r"([\w#]+)(<[^<>;{}()]*>)?"
LAUNCH = re.compile(KERNEL + r"\s*(?://.*\n\s*)*<<<([^;]*?)>>>")
SHARED = re.compile(r"extern\s+__shared__\s+([^;\[]+?)\s*(\w+)\s*\[\s*\]\s*;")


def translate(text: str) -> str:
    """Return C++ for a CUDA source; ValueError if a launch was not understood."""
    text = LAUNCH.sub(_launch, text)
    if "<<<" in text:
        line = text[: text.index("<<<")].count("\n") + 1
        raise ValueError(f"line {line}: this launch of a kernel was not understood")
    return SHARED.sub(r"\1* \2 = emulated_gpu::DynamicShared<\1>();", text)


def _launch(match: re.Match) -> str:
    name, arguments, configuration = match.groups(default="")
    kernel = name + arguments if arguments else f"EMULATED_KERNEL({name})"
    launch = f"emulated_gpu::Launch({kernel}, {{{configuration}}})"
    return launch + _breaks(match[0], launch)


def _breaks(before: str, after: str) -> str:
    """Return the line breaks that were lost; a macro's are escaped."""
    one = "\\\n" if "\\\n" in before else "\n"
    return one * (before.count("\n") - after.count("\n"))


def main() -> None:
    source, result = map(Path, sys.argv[1:])
    try:
        text = translate(source.read_text())
    except ValueError as error:
        sys.exit(f"translate_kernels.py: error: {source}: {error}")
    result.write_text(f'#line 1 "{source}"\n{text}')


if __name__ == "__main__":
    main()
