//! Generated messages and services of grid.v1.
