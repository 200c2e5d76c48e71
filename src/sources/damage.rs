//! A damaged file may lead a C library astray: LMDB and HDF5 follow what it says without looking whether that is in the
//! file. It cannot go on then, but it can be said which file is at fault, in place of a core dump.

use std::cell::Cell;
use std::ffi::c_int;
use std::path::Path;
use std::sync::Once;

/// What a library that is led astray ends with.
const SIGNALS: [c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGABRT, libc::SIGFPE];

/// What was to be done on each of them before.
static BEFORE: [Before; 4] = [const { Before(Cell::new(None)) }; 4];
static WATCH: Once = Once::new();

thread_local! {
    /// The line for the file that this thread reads through a library, while it does.
    static LINE: Cell<Option<&'static str>> = const { Cell::new(None) };
}

struct Before(Cell<Option<libc::sigaction>>);

// SAFETY: each is set once, by `WATCH`, before its signal is watched for, and only read after that.
unsafe impl Sync for Before {}

/// What is said of a file that leads a library astray. It stays, for whoever says it can ask for no memory.
#[derive(Debug, Clone, Copy)]
pub struct Damage(&'static str);

impl Damage {
    pub fn of(path: &Path) -> Self {
        let line = format!(
            "error: '{}' is damaged: what it says of itself leads out of it; make or download it again\n",
            path.display()
        );
        Self(line.leak())
    }

    /// Does what goes through a library. Should that be led astray, the line is said, and the process ends with exit code 1.
    pub fn told<T>(self, work: impl FnOnce() -> T) -> T {
        WATCH.call_once(watch);
        let _before = PutBack(LINE.replace(Some(self.0)));
        work()
    }
}

/// The line that was before, also after a panic.
struct PutBack(Option<&'static str>);

impl Drop for PutBack {
    fn drop(&mut self) {
        LINE.set(self.0);
    }
}

fn watch() {
    for (&signal, before) in SIGNALS.iter().zip(&BEFORE) {
        // SAFETY: zeros are a valid `sigaction`, filled in below; `tell` has the signature that sa_flags without
        // SA_SIGINFO asks for, and calls nothing that is not async-signal-safe.
        unsafe {
            let mut present: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(signal, std::ptr::null(), &mut present) != 0 {
                continue;
            }
            before.0.set(Some(present));
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = tell as extern "C" fn(c_int) as usize;
            action.sa_flags = libc::SA_ONSTACK;
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
    }
}

/// Such a signal comes to the thread that is at fault. Async-signal-safe: it reads what is there, `write`, `_exit`,
/// `sigaction`, `raise`.
extern "C" fn tell(signal: c_int) {
    if let Ok(Some(line)) = LINE.try_with(Cell::get) {
        // SAFETY: the line is never changed, and stays.
        unsafe {
            libc::write(2, line.as_ptr().cast(), line.len());
            libc::_exit(1)
        }
    }
    // Not a source's doing: as before. What faults does so again when this returns; an abort is raised again.
    let place = SIGNALS.iter().position(|&watched| watched == signal);
    let before = place.and_then(|place| BEFORE[place].0.get());
    // SAFETY: what `sigaction` gave before is valid for it, and so are zeros, which are SIG_DFL.
    unsafe {
        let before = before.unwrap_or(std::mem::zeroed());
        libc::sigaction(signal, &before, std::ptr::null_mut());
        if signal == libc::SIGABRT {
            libc::raise(signal);
        }
    }
}
