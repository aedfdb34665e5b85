//! Results
