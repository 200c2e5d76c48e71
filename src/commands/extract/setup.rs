//! What has to be there before rows are computed.

use crate::commands::extract::planning::plan::Plan;
use crate::model::Extractor;
use crate::run::lock::RunLock;
use crate::sources::Images;
use std::sync::Arc;

/// All that computing needs.
pub struct Setup {
    pub images: Arc<Images>,
    pub extractor: Extractor,
    pub plan: Plan,
    /// Until it is dropped, no other process writes what this one writes.
    pub lock: RunLock,
}
