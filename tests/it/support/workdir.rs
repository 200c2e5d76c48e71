//! A fresh directory for a test, the real program run in it, and NumPy beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Workdir {
    path: PathBuf,
}

/// How a program ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// What variables of batch systems begin with (`featx::batch`).
const OF_JOBS: [&str; 6] = [
    "SLURM_",
    "LSB_",
    "SGE_",
    "PBS_",
    "AWS_BATCH_",
    "JOB_COMPLETION_INDEX",
];

impl Workdir {
    /// An empty directory of that name, which is the test's own. It stays for whoever wants to look.
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        if path.exists() {
            fs::remove_dir_all(&path).unwrap();
        }
        fs::create_dir_all(&path).unwrap();
        Self { path }
    }

    pub fn path(&self, inside: &str) -> PathBuf {
        self.path.join(inside)
    }

    /// A command of featx, to run in this directory.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_featx"));
        command.args(args).current_dir(&self.path);
        // Programs of several tests at a time share the cores: none waits for its own threads by counting.
        command.env("OMP_WAIT_POLICY", "PASSIVE");
        // Tests may run in a job of a batch system's themselves.
        let of_job = |name: &str| OF_JOBS.iter().any(|start| name.starts_with(start));
        for (name, _) in std::env::vars().filter(|(name, _)| of_job(name)) {
            command.env_remove(name);
        }
        command
    }

    pub fn featx(&self, args: &[&str]) -> Ended {
        Ended::of(&mut self.command(args))
    }

    /// Runs featx, which must succeed; what it printed on stdout.
    pub fn featx_ok(&self, args: &[&str]) -> String {
        let ended = self.featx(args);
        assert_eq!(ended.code, Some(0), "featx {args:?}: {}", ended.stderr);
        ended.stdout
    }

    /// Runs featx, which must fail with exactly this line and exit code 1.
    #[track_caller]
    pub fn featx_err(&self, args: &[&str], line: &str) {
        let ended = self.featx(args);
        let expected = Ended {
            code: Some(1),
            stdout: String::new(),
            stderr: format!("error: {line}\n"),
        };
        assert_eq!(ended, expected, "featx {args:?}");
    }

    /// Runs Python, `np` being NumPy, in this directory; what it printed.
    #[track_caller]
    pub fn python(&self, code: &str) -> String {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
        let mut command = Command::new(python);
        let code = format!("import json\nimport os\nimport numpy as np\n{code}");
        let ended = Ended::of(command.arg("-c").arg(code).current_dir(&self.path));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout
    }

    /// Names in a directory, sorted.
    pub fn names(&self, inside: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(inside)).unwrap();
        let mut names: Vec<_> = entries
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub fn read(&self, inside: &str) -> Vec<u8> {
        fs::read(self.path(inside)).unwrap()
    }

    pub fn write(&self, inside: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

impl Ended {
    /// Without the line about the device that was found, for it depends on the machine.
    pub fn of(command: &mut Command) -> Self {
        let mut ended = Self::whole(command);
        if let Some((first, others)) = ended.stderr.split_once('\n')
            && first.starts_with("device: ")
        {
            ended.stderr = others.to_owned();
        }
        ended
    }

    pub fn whole(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
