//! The error of a lock that another process holds.

/// Another process holds the lock.
#[derive(Debug, thiserror::Error)]
#[error("{what} is being written by {who}; wait for it, or choose another --out")]
pub struct OtherWriter {
    pub what: String,
    /// `process 7 on 'node3'`
    pub who: String,
}
