//! An alarm clock for each thread, which counts the thread's own processor time: it rings where a call does not end, and
//! never because a disk is slow.

use std::ffi::c_int;
use std::time::Duration;

/// The signal that it sends to the thread whose time is up.
pub const RINGS: c_int = libc::SIGVTALRM;

thread_local! {
    static CLOCK: Option<Clock> = Clock::new();
}

struct Clock(libc::timer_t);

/// Sets this thread's clock to ring once the thread has computed for this long from now on; zero stops it. If the system
/// gives no clock, nothing rings.
pub fn set(after: Duration) {
    let _ = CLOCK.try_with(|clock| {
        if let Some(Clock(timer)) = clock {
            let mut time = never();
            time.it_value.tv_sec = after.as_secs() as libc::time_t;
            time.it_value.tv_nsec = libc::c_long::from(after.subsec_nanos());
            // SAFETY: the timer is there until its thread ends; what it was set to before is not asked for.
            unsafe { libc::timer_settime(*timer, 0, &time, std::ptr::null_mut()) };
        }
    }); // a thread that is ending has none any more
}

fn never() -> libc::itimerspec {
    let zero = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    libc::itimerspec {
        it_interval: zero,
        it_value: zero,
    }
}

impl Clock {
    fn new() -> Option<Self> {
        // SAFETY: zeros are a valid `sigevent`, of which what SIGEV_THREAD_ID asks for is filled in; `timer` is written
        // where 0 is given back.
        unsafe {
            let mut event: libc::sigevent = std::mem::zeroed();
            event.sigev_notify = libc::SIGEV_THREAD_ID;
            event.sigev_signo = RINGS;
            event.sigev_notify_thread_id = libc::gettid();
            let mut timer = std::mem::zeroed();
            let made = libc::timer_create(libc::CLOCK_THREAD_CPUTIME_ID, &mut event, &mut timer);
            (made == 0).then_some(Self(timer))
        }
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        // SAFETY: it was made by `timer_create`, and nobody uses it after this.
        unsafe { libc::timer_delete(self.0) };
    }
}
