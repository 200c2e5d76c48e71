//! What the readers of one source share. It is closed with the last of them: a run may have thousands of sources, and reads
//! two at a time.

use std::sync::{Arc, Mutex, PoisonError, Weak};

#[derive(Debug)]
pub struct SharedHandle<T>(Mutex<Weak<T>>);

impl<T> SharedHandle<T> {
    pub fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    /// The handle that is open, or else the one that `open` gives.
    ///
    /// # Errors
    /// As `open`.
    pub fn get<E>(&self, open: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = shared.upgrade() {
            return Ok(open);
        }
        let opened = Arc::new(open()?);
        *shared = Arc::downgrade(&opened);
        Ok(opened)
    }
}
