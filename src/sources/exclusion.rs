//! Why a search leaves a file or a folder out.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Why a file or a folder is not searched for images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exclusion {
    /// A file that is no image by its ending.
    Other,
    /// macOS's `._photo.jpg`, and its folder `__MACOSX`.
    MacOs,
    /// A file server's thumbnails, `@eaDir`.
    Thumbnails,
    Trash,
    /// A notebook's copies, `.ipynb_checkpoints`.
    Jupyter,
    /// Whatever else begins with a dot.
    Hidden,
}

impl Exclusion {
    /// What a name alone tells. `None` if it may be an image or a folder of images.
    pub fn by_name(name: &OsStr, is_folder: bool) -> Option<Self> {
        let name = name.as_bytes();
        let trash = name.starts_with(b".Trash")
            || is_folder && matches!(name, b"$RECYCLE.BIN" | b"#recycle" | b"lost+found");
        match name {
            _ if trash => Some(Self::Trash),
            b"__MACOSX" if is_folder => Some(Self::MacOs),
            b"@eaDir" if is_folder => Some(Self::Thumbnails),
            b".ipynb_checkpoints" => Some(Self::Jupyter),
            [b'.', b'_', ..] => Some(Self::MacOs),
            [b'.', ..] => Some(Self::Hidden),
            _ => None,
        }
    }

    /// Whether a search leaves an image of this name out.
    #[must_use]
    pub fn has(path: &Path) -> bool {
        let mut steps = path.iter().rev();
        let file = steps.next().and_then(|name| Self::by_name(name, false));
        file.is_some() || steps.any(|name| Self::by_name(name, true).is_some())
    }

    pub(super) fn words(self, count: usize) -> &'static str {
        match self {
            Self::Other if count == 1 => "other file",
            Self::Other => "other files",
            Self::MacOs => "of macOS",
            Self::Thumbnails => "of thumbnails",
            Self::Trash => "of trash",
            Self::Jupyter => "of Jupyter",
            Self::Hidden => "hidden",
        }
    }
}
