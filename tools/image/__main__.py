"""`python -m image`: build an image, and say how large it is."""

import argparse
import sys

from image.archive import Image, Target
from image.building import Options, build
from image.problem import ImageProblem

_MIB = 1024 * 1024


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m image", description="Build an image into the cache.")
    parser.add_argument("target", nargs="?", type=Target, choices=list(Target), default=Target.OPERATOR)
    parser.add_argument("--requirements", default="operator.txt", help="files of requirements/, spaces between them")
    parser.add_argument("--quiet", action="store_true", help="build it, and say only where it is")
    given = parser.parse_args(arguments)
    try:
        image = build(given.target, Options(tuple(given.requirements.split())))
    except ImageProblem as problem:
        print(f"image: {problem}", file=sys.stderr)
        return 1
    print(image.archive)
    if not given.quiet:
        _describe(image)
    return 0


def _describe(image: Image) -> None:
    layers = image.sizes()
    print(f"{image.reference}  {image.identity}")
    print(f"{sum(each.compressed for each in layers) / _MIB:.1f} MiB compressed, in layers of")
    for each in layers:
        print(f"  {each.compressed / _MIB:6.1f} MiB, unpacked {each.unpacked / _MIB:6.1f} MiB  {each.digest[:19]}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
