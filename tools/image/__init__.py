"""The images, built on a machine without a container registry, and kept in the cache as archives.

`build(Target.OPERATOR)` gives an Image: its reference, and the archive that `ctr images import` and `docker load` read.
The base images come from Debian's packages, so that nothing is pulled. What people build is the same Dockerfile.
"""

from image.archive import Image, Target
from image.building import build
from image.problem import ImageProblem

__all__ = ["Image", "ImageProblem", "Target", "build"]
