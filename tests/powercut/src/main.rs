//! A file system in memory, for tests: it forgets what was not synced when it is told to, and it can be as late as a
//! network's. One state, one mount or several, told what to do by lines on the standard input, each answered by a line:
//!
//! | line | answer |
//! |---|---|
//! | `mount FOLDER [late=3 clock=-180 sync=200 stale=50 full=20 failing=20]` | `ok` |
//! | `save NAME`, `load NAME`: keep what is seen now; go back to it, all of it durable | `ok` |
//! | `cut N`: the power goes during the N-th changing call from the last `load` or `crash`; 0: it does not | `ok` |
//! | `revive`: the power comes back at once, with what programs saw: as if they had been killed during that call | `ok` |
//! | `calls` | how many there were; `yes` or `no`, whether the power is gone |
//! | `keep`: what happened until now is what `crash` and `unreachable` are about | `ok` |
//! | `crash nothing`, `crash everything`, `crash SEED`: go on with what a power cut leaves | a number that tells states apart |
//! | `unreachable`: synced files under synced names that a power cut would take, with a folder above them | paths, with tabs between |
//!
//! At the end of the input it unmounts everything and ends.

mod client;
mod crash;
mod kernel;
mod store;
mod tree;
mod weather;

use client::Client;
use crash::Reached;
use fuser::{BackgroundSession, Config, MountOption, Session};
use std::ffi::CString;
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use store::Store;
use weather::Weather;

fn main() {
    let mut server = Server {
        store: Arc::new(Mutex::new(Store::new())),
        mounts: Vec::new(),
    };
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let answer = server
            .obey(&line)
            .unwrap_or_else(|error| format!("error: {error}"));
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{answer}")
            .and_then(|()| out.flush())
            .is_err()
        {
            break;
        }
    }
    server.unmount();
}

struct Server {
    store: Arc<Mutex<Store>>,
    mounts: Vec<(CString, BackgroundSession)>,
}

impl Server {
    fn obey(&mut self, line: &str) -> Result<String, String> {
        let mut words = line.split(' ');
        let (command, first) = (words.next().unwrap_or_default(), words.next());
        let named = || first.ok_or_else(|| format!("'{command}' wants a word more"));
        if command == "mount" {
            return self.mount(named()?, Weather::parse(words)?);
        }
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        match command {
            "save" => store.save(named()?),
            "load" if store.load(named()?) => {}
            "load" => return Err("nothing is saved under that name".into()),
            "cut" => store.cut_at(number(named()?)? as usize),
            "revive" => store.revive(),
            "keep" => store.keep(),
            "calls" => {
                let is_cut = if store.is_cut() { "yes" } else { "no" };
                return Ok(format!("{} {is_cut}", store.calls()));
            }
            "crash" => {
                let reached = match named()? {
                    "nothing" => Reached::Nothing,
                    "everything" => Reached::Everything,
                    seed => Reached::Some(number(seed)?),
                };
                let state = store.crash(reached).ok_or("nothing is kept")?;
                return Ok(format!("{state:016x}"));
            }
            "unreachable" => {
                let paths = store.kept().ok_or("nothing is kept")?.unreachable();
                let paths: Vec<_> = paths.iter().map(|path| path.to_string_lossy()).collect();
                return Ok(paths.join("\t"));
            }
            other => return Err(format!("'{other}' is no command")),
        }
        Ok("ok".into())
    }

    fn mount(&mut self, folder: &str, weather: Weather) -> Result<String, String> {
        let client = Client::new(self.store.clone(), weather, self.mounts.len() as u64);
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("powercut".into())];
        let session = Session::new(client, Path::new(folder), &config).and_then(Session::spawn);
        let session = session.map_err(|error| format!("cannot mount '{folder}': {error}"))?;
        let folder = CString::new(folder).map_err(|error| error.to_string())?;
        self.mounts.push((folder, session));
        Ok("ok".into())
    }

    /// Also where programs still have files open.
    fn unmount(&self) {
        for (folder, _) in &self.mounts {
            // SAFETY: the path ends in a NUL.
            unsafe { libc::umount2(folder.as_ptr(), libc::MNT_DETACH) };
        }
        // The sessions would wait for those programs.
        std::process::exit(0);
    }
}

fn number(word: &str) -> Result<u64, String> {
    word.parse()
        .map_err(|_| format!("expected a number, found '{word}'"))
}
