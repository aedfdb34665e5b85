"""The messages of the protocol, generated from `proto/` by `generate.sh`. Not for callers of this package."""
