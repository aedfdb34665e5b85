mod common;
mod invalidation;
mod keeping;
mod roles;
mod sameness;
