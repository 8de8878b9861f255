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
    parser.add_argument("targets", nargs="*", type=Target, help="operator (the default), sandbox, or both")
    parser.add_argument(
        "--requirements",
        default=Options().requirements,
        help="the file of requirements/ that says what the operator's image has installed",
    )
    parser.add_argument("--quiet", action="store_true", help="say only where the archive is")
    given = parser.parse_args(arguments)
    try:
        images = [build(each, Options(given.requirements)) for each in given.targets or [Target.OPERATOR]]
    except ImageProblem as problem:
        print(f"image: {problem}", file=sys.stderr)
        return 1
    for image in images:
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
