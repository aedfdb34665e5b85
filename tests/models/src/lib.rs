//! A model of what the host promises: a call at a runtime, a grant that its caller runs, revocations, and a log that
//! forgets what was not synced. Host and runtime may crash at any step. All of it is in `tests/it`, where every state
//! is looked at.
