//! A TorchScript file.

use crate::model::ffi::Module;
use crate::model::load::archive::Archive;
use crate::model::load::torchvision::open_torchvision;
use anyhow::{Context, Result};

/// Loads the module, with torchvision's operators if it uses them. Its tensors are not read.
///
/// # Errors
/// libtorch's, where it cannot load the file; operators of torchvision, where its library cannot be opened.
pub fn load(archive: &Archive) -> Result<Module> {
    let path = archive.path().display();
    let error = match read_code(archive) {
        Err(error) if error.to_string().contains("torchvision::") => error,
        loaded => {
            return loaded
                .with_context(|| format!("libtorch cannot load '{path}'; export it again"));
        }
    };
    open_torchvision().with_context(|| {
        format!(
            "'{path}' uses operators of torchvision ({error}), whose library cannot be opened beside libtorch; export a \
             part of the model that does without them, its backbone for one"
        )
    })?;
    read_code(archive).with_context(|| format!("libtorch cannot load '{path}'; export it again"))
}

fn read_code(archive: &Archive) -> Result<Module> {
    let deferred = archive.deferrable.iter();
    Module::load(
        archive.path(),
        deferred.map(|record| (record.offset, record.size)),
    )
}
