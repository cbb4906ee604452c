//! Organizations, their plans, what they may use, and invitations.

pub mod entitlements;
pub mod invitation;
pub mod org;
pub mod plan;
