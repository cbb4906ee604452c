//! What plans offer and cost, and the subscriptions that organizations pay for them.

pub mod message;
pub mod offer;
pub mod overage;
pub mod subscription;
pub mod white_label;
