//! Panics of libraries that end in an error. What they say is for their authors, and no user is to see it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static CONTAINS: Cell<bool> = const { Cell::new(false) };
}

/// What `work` gives. `None` if it panics; nothing of the panic is printed.
pub fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |panic| {
            if !CONTAINS.get() {
                others(panic);
            }
        }));
    });
    let before = CONTAINS.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    CONTAINS.set(before);
    done.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_none() {
        assert_eq!(contained(|| 1), Some(1));
        assert_eq!(contained(|| panic!("of a library")), None::<()>);
        assert!(!CONTAINS.get());
    }
}
