//! The ALTAR data model.
