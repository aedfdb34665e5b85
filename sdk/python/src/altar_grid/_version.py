"""The version of this package, as `pyproject.toml` has it."""

VERSION = "0.1.0"
#: The version of the protocol that this package speaks.
PROTOCOL_VERSION = "1.0"
