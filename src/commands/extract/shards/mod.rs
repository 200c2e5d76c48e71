//! A run that several processes share: which shard this one is, who begins, and what makes way.

pub mod own_shard;
pub mod sharded;
pub mod takeover;
pub mod turn;
