//! A damaged file may lead a C library astray: LMDB and HDF5 follow its references without looking whether they stay
//! inside the file, and HDF5 walks over an object of no length for ever. featx cannot go on then, but it can say which file
//! is at fault, in place of a core dump or of silence.

use crate::sources::alarm;
use std::cell::Cell;
use std::ffi::c_int;
use std::path::Path;
use std::sync::Once;
use std::time::Duration;

/// The signals that a library that is led astray gets, and the alarm for one that does not end.
const SIGNALS: [c_int; 5] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGABRT,
    libc::SIGFPE,
    alarm::RINGS,
];

/// What the process did on each of them before.
static BEFORE: [OldAction; 5] = [const { OldAction(Cell::new(None)) }; 5];
static WATCH: Once = Once::new();

/// How long one call may compute at least. The largest chunk of HDF5, 4 GB, gets more, by its bytes.
const AT_LEAST: Duration = Duration::from_secs(5);
/// Bytes that a slow core unpacks or walks over in a second.
const BYTES_A_SECOND: u64 = 50 << 20;

thread_local! {
    /// The file that this thread reads through a library, while it does.
    static READING: Cell<Option<Damage>> = const { Cell::new(None) };
}

struct OldAction(Cell<Option<libc::sigaction>>);

// SAFETY: each is set once, by `WATCH`, before its signal is watched for, and only read after that.
unsafe impl Sync for OldAction {}

/// The line for a file that leads a library astray. It stays in memory, for a signal handler cannot ask for any.
#[derive(Debug, Clone, Copy)]
pub struct Damage {
    leads_out: &'static str,
    does_not_end: &'static str,
    /// How long one call may compute.
    within: Duration,
}

impl Damage {
    /// Watches over a file of `bytes` bytes. One call may walk over all of them.
    pub fn of(path: &Path, bytes: u64) -> Self {
        let line = |what: &str| {
            let at = path.display();
            let line = format!("error: '{at}' is damaged: {what}; make or download it again\n");
            &*line.leak()
        };
        Self {
            leads_out: line("it refers to data outside the file"),
            does_not_end: line("reading it never ends"),
            within: AT_LEAST,
        }
        .with(bytes)
    }

    /// The same for a call that may also unpack `bytes` bytes.
    pub fn with(self, bytes: u64) -> Self {
        let within = self.within + Duration::from_secs(bytes / BYTES_A_SECOND);
        Self { within, ..self }
    }

    /// Does work that goes through a library. If the library is led astray, or does not end, the process prints the line and
    /// ends with exit code 1.
    pub fn guarded<T>(self, work: impl FnOnce() -> T) -> T {
        WATCH.call_once(watch);
        let _before = Restorer(READING.replace(Some(self)));
        alarm::set(self.within);
        work()
    }
}

/// Puts back what was read before, also after a panic.
struct Restorer(Option<Damage>);

impl Drop for Restorer {
    fn drop(&mut self) {
        alarm::set(self.0.map_or(Duration::ZERO, |before| before.within));
        READING.set(self.0);
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
    if let Ok(Some(file)) = READING.try_with(Cell::get) {
        let line = match signal == alarm::RINGS {
            true => file.does_not_end,
            false => file.leads_out,
        };
        // SAFETY: the line is never changed, and stays.
        unsafe {
            libc::write(2, line.as_ptr().cast(), line.len());
            libc::_exit(1)
        }
    }
    if signal == alarm::RINGS {
        return; // the alarm rang at the very end of the call
    }
    // No source is at fault: as before. A fault comes again when this returns; an abort is raised again.
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
