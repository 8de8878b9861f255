"""The errors, as one tree, so that callers catch at the width they need.

    DevclusterError
    ├── UnsupportedPlatformError   not Linux, or a processor that the build does not know
    ├── ToolchainError             Go is missing or too old
    ├── BuildError                 the Go build of a program failed
    ├── PackageError               a Debian package cannot be had
    ├── StartError                 a component did not become ready; carries the tail of its log
    │   └── PortTakenError         another program took the chosen port first: start again with other ports
    └── UsageError                 asked for something that this control plane cannot do

The command line prints the message alone: each one says in plain words what to do next where there is something to do.
"""


class DevclusterError(Exception):
    """Anything that stops the development cluster."""


class UnsupportedPlatformError(DevclusterError):
    """Not an operating system or processor that the control plane is built for."""


class ToolchainError(DevclusterError):
    """The Go toolchain is missing or older than the module to build requires."""


class BuildError(DevclusterError):
    """A program could not be built from source."""


class PackageError(DevclusterError):
    """Programs of Debian packages could not be brought."""


class StartError(DevclusterError):
    """A component ended or did not become ready before its deadline."""


class PortTakenError(StartError):
    """A component found its port in use."""


class UsageError(DevclusterError):
    """A request that does not fit the state of the control plane."""
