//! Where libtorch is, and the program that computes with it.
//!
//! `featx` does not link libtorch, which takes a quarter of a second and 100 MB to load: help, `merge`, `split` and
//! `inspect` of files start without it. `extract` and `inspect` of models are a second program beside it,
//! `featx-compute`, which takes the place of this process (execve(2): same process, same terminal, same signals) when
//! the libtorch that it was built for has been found.

use crate::text::shell;
use anyhow::{Error, Result, anyhow, bail};
use std::convert::Infallible;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAM: &str = "featx-compute";
/// The libtorch that featx was built with: its folder, and its version, as `2.11.0`.
const BUILT_WITH: &str = env!("FEATX_BUILT_WITH");
const BUILT_VERSION: &str = env!("FEATX_BUILT_VERSION");

/// A folder that may hold libtorch, and who says so.
struct Place {
    folder: PathBuf,
    says: &'static str,
}

/// Goes on as `featx-compute`, with the same command line. Returns only if that fails.
#[must_use]
pub fn compute() -> Error {
    match become_compute() {
        Err(error) => error,
        Ok(never) => match never {},
    }
}

fn become_compute() -> Result<Infallible> {
    let program = program()?;
    let libtorch = find()?;
    let mut command = Command::new(&program);
    command.args(env::args_os().skip(1));
    // Before any other libtorch that the path has; the program's own way to one comes after this path.
    let mut path = OsString::from(libtorch.join("lib"));
    if let Some(others) = env::var_os("LD_LIBRARY_PATH").filter(|path| !path.is_empty()) {
        path.push(":");
        path.push(others);
    }
    command.env("LD_LIBRARY_PATH", path);
    let error = command.exec();
    bail!("cannot start '{}': {error}", program.display())
}

/// `featx-compute` beside this program.
fn program() -> Result<PathBuf> {
    let featx = env::current_exe()?;
    let program = featx.with_file_name(PROGRAM);
    if program.is_file() {
        return Ok(program);
    }
    Err(anyhow!(
        "'{}' is missing; featx needs it to compute, and is installed together with it: keep both in one folder",
        program.display()
    ))
}

/// The folder of the first libtorch of the version that featx was built for.
fn find() -> Result<PathBuf> {
    let mut others = Vec::new();
    for Place { folder, says } in places() {
        match version(&folder) {
            Some(found) if fits(&found) => return Ok(folder),
            found => {
                let found = found.unwrap_or_else(|| "no libtorch".into());
                if says == FROM_USER {
                    bail!(
                        "{FROM_USER}='{}' holds {found}, and featx needs {BUILT_VERSION}; name a folder that holds \
                         lib/libtorch.so of that version, or unset it",
                        folder.display()
                    );
                }
                others.push(format!("'{}' ({says}) holds {found}", folder.display()));
            }
        }
    }
    let install = install(&env::current_exe()?);
    let others = match others.is_empty() {
        true => String::new(),
        false => format!(": {}", others.join(", ")),
    };
    bail!(
        "no libtorch {BUILT_VERSION} was found{others}; install it with: {install} torch=={BUILT_VERSION}, or let \
         {FROM_USER} name a folder that holds its lib/"
    )
}

/// How packages come into the environment that `featx` lies in.
fn install(featx: &Path) -> String {
    let [pip, python] = ["pip", "python3"].map(|name| featx.with_file_name(name));
    if pip.is_file() {
        return format!("{} install", shell::word(&pip));
    }
    // uv's environments have no pip.
    let own = featx.parent().and_then(Path::parent);
    match own.and_then(|own| setting(own, "uv")) {
        Some(_) => format!("uv pip install --python {}", shell::word(&python)),
        None => "pip install".into(),
    }
}

const FROM_USER: &str = "FEATX_LIBTORCH";

/// The places to look at, in this order.
fn places() -> Vec<Place> {
    let user = env::var_os(FROM_USER).filter(|folder| !folder.is_empty());
    if let Some(folder) = user {
        return vec![Place {
            folder: folder.into(),
            says: FROM_USER,
        }];
    }
    let featx = env::current_exe().ok();
    let own = featx.as_deref().and_then(|featx| featx.parent()?.parent());
    let active = |variable| env::var_os(variable).map(PathBuf::from);
    let environments = [
        (own.map(Path::to_owned), "featx's own environment"),
        (own.and_then(base), "below featx's own environment"),
        (active("VIRTUAL_ENV"), "VIRTUAL_ENV"),
        (active("CONDA_PREFIX"), "CONDA_PREFIX"),
        (
            active("HOME").map(|home| home.join(".local")),
            "your own packages",
        ),
        (python_on_path(), "python3 on the PATH"),
    ];
    let mut places = Vec::new();
    // Clusters whose modules are folders of packages put them there.
    for package in env::split_paths(&env::var_os("PYTHONPATH").unwrap_or_default()) {
        let folder = package.join("torch");
        if folder.is_dir() {
            places.push(Place {
                folder,
                says: "PYTHONPATH",
            });
        }
    }
    for (prefix, says) in environments {
        let folders = prefix.iter().flat_map(|prefix| torch_folders(prefix));
        places.extend(folders.map(|folder| Place { folder, says }));
    }
    // Where featx was installed from a wheel, this is a folder of another machine.
    let folder = PathBuf::from(BUILT_WITH);
    if folder.is_dir() {
        places.push(Place {
            folder,
            says: "built with it",
        });
    }
    places
}

/// What a virtual environment was made from, where it shows the packages of that too.
fn base(venv: &Path) -> Option<PathBuf> {
    let shown = setting(venv, "include-system-site-packages")?;
    shown.eq_ignore_ascii_case("true").then_some(())?;
    Some(Path::new(&setting(venv, "home")?).parent()?.to_owned())
}

/// A value of a virtual environment's `pyvenv.cfg`.
fn setting(venv: &Path, key: &str) -> Option<String> {
    let text = fs::read_to_string(venv.join("pyvenv.cfg")).ok()?;
    let mut pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.find_map(|(name, value)| (name.trim() == key).then(|| value.trim().to_owned()))
}

fn python_on_path() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folder = env::split_paths(&path).find(|folder| folder.join("python3").is_file())?;
    Some(folder.parent()?.to_owned())
}

/// The `torch` packages of a Python environment.
fn torch_folders(prefix: &Path) -> Vec<PathBuf> {
    let inside = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders = Vec::new();
    // In a venv, lib64 is a link to lib.
    let libs = ["lib", "lib64"].map(|lib| prefix.join(lib));
    for lib in libs.into_iter().filter(|lib| !lib.is_symlink()) {
        let pythons =
            inside(lib).filter(|entry| entry.file_name().to_string_lossy().starts_with("python3"));
        for python in pythons {
            let packages = ["site-packages", "dist-packages"]
                .map(|name| python.path().join(name).join("torch"));
            folders.extend(packages.into_iter().filter(|torch| torch.is_dir()));
        }
    }
    folders.sort();
    folders
}

/// A release of libtorch has the file `build-version`, the torch package of a Python has `version.py`.
fn version(libtorch: &Path) -> Option<String> {
    if !libtorch.join("lib/libtorch_cpu.so").is_file() {
        return None;
    }
    if let Ok(text) = fs::read_to_string(libtorch.join("build-version")) {
        return Some(text.trim().to_owned());
    }
    let text = fs::read_to_string(libtorch.join("version.py")).ok()?;
    version_of(&text)
}

fn version_of(version_py: &str) -> Option<String> {
    let mut lines = version_py.lines();
    let quoted = lines.find_map(|line| line.strip_prefix("__version__ = "))?;
    Some(quoted.trim().trim_matches(['\'', '"']).to_owned())
}

/// `2.11.1+cpu` fits what was built with 2.11.0: patch releases of PyTorch keep the interface of their C++.
fn fits(found: &str) -> bool {
    let minor = |version: &str| {
        let mut numbers = version.split(['.', '+']);
        (
            numbers.next().map(str::to_owned),
            numbers.next().map(str::to_owned),
        )
    };
    minor(found) == minor(BUILT_VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_and_compared() {
        let text = "from typing import Optional\n__version__ = '2.11.0+cu130'\ndebug = False\n";
        assert_eq!(version_of(text).as_deref(), Some("2.11.0+cu130"));
        assert_eq!(version_of("debug = False"), None);
        assert!(fits(BUILT_VERSION) && fits("2.11.1+cpu") && fits("2.11"));
        for other in ["2.10.0", "2.12.0+cu130", "3.11.0", "2", ""] {
            assert!(!fits(other), "{other}");
        }
    }

    #[test]
    fn a_venv_that_shows_packages_of_its_base_leads_there() {
        let venv = env::temp_dir().join(format!("featx-venv-{}", std::process::id()));
        fs::create_dir(&venv).unwrap();
        let base_with = |shown: &str| {
            let text = format!(
                "home = /opt/py/bin\ninclude-system-site-packages = {shown}\nversion = 3.12.1\n"
            );
            fs::write(venv.join("pyvenv.cfg"), text).unwrap();
            base(&venv)
        };
        assert_eq!(base_with("true").as_deref(), Some(Path::new("/opt/py")));
        assert_eq!(base_with("false"), None);
        fs::remove_dir_all(venv).unwrap();
    }

    #[test]
    fn the_cure_is_for_the_environment_that_featx_lies_in() {
        let own = env::temp_dir().join(format!("featx-cure-{}", std::process::id()));
        let featx = own.join("bin/featx");
        fs::create_dir_all(own.join("bin")).unwrap();
        assert_eq!(install(&featx), "pip install");
        fs::write(own.join("pyvenv.cfg"), "home = /usr/bin\nuv = 0.9.5\n").unwrap();
        let python = own.join("bin/python3").display().to_string();
        let uv = format!("uv pip install --python {python}");
        assert_eq!(install(&featx), uv);
        fs::write(own.join("bin/pip"), "").unwrap();
        assert!(install(&featx).ends_with("bin/pip install"));
        fs::remove_dir_all(&own).unwrap();
    }
}
