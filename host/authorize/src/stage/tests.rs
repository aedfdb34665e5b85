mod common;
mod invalidation;
mod judging;
mod keeping;
mod roles;
mod sameness;
