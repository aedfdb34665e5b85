//! Generated messages and services of `proto/grid`, one module a package. Nothing here is written by hand;
//! the meaning of each field stands in the `.proto` files.

#![expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::large_enum_variant,
    reason = "generated code carries its own attributes, and a call is the frame that counts"
)]

/// Package `grid`.
pub mod grid {
    /// The ALTAR data model.
    pub mod adm {
        /// Version 1.
        pub mod v1 {
            tonic::include_proto!("grid.adm.v1");
        }
    }
    /// Version 1 of the host's conversations.
    pub mod v1 {
        tonic::include_proto!("grid.v1");
    }
}

pub use grid::{adm::v1 as adm, v1};

/// The descriptors of every file, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
