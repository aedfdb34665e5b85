//! The whole path in one process: real stages, a log in memory, runtimes that do as they are told.

mod admin;
mod approvals;
mod audit;
mod auditors;
mod calls;
mod canary;
mod claims;
mod desk;
mod explaining;
mod hooks;
mod intersection;
mod local;
mod local_ends;
mod nested;
mod pinned;
mod policies;
mod refusals;
mod registration;
mod repeats;
mod revoking;
mod rights;
mod runtime_tenants;
mod runtimes;
mod sessions;
mod tenants;
mod tenants_world;
