//! Organizations, their plans and invitations.

pub mod invitation;
pub mod org;
pub mod plan;
