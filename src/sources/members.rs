//! The members of an archive, as rows: which are images, and whether their names can be those of rows.

use crate::sources::exclusion::Exclusion;
use crate::sources::list::stays_inside;
use crate::sources::scan::is_image_name;
use crate::sources::source::Listing;
use anyhow::{Result, bail, ensure};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Stands for the place of a member that is a link to another.
const LINK: u64 = u64::MAX;

#[derive(Debug)]
pub struct Members<'a> {
    archive: &'a Path,
    listing: Listing,
    /// Rows that are links, and the names that they lead to.
    links: Vec<(usize, PathBuf)>,
}

impl<'a> Members<'a> {
    pub fn of(archive: &'a Path) -> Self {
        Self {
            archive,
            listing: Listing::default(),
            links: Vec::new(),
        }
    }

    /// A member that holds bytes; true where it is an image.
    ///
    /// # Errors
    /// An image whose name leads out of the archive, or holds a line break.
    pub fn add(&mut self, name: &[u8], at: u64) -> Result<bool> {
        let name = clean(name);
        if !is_image_name(name) {
            self.leave_out(name.as_os_str().as_bytes());
            return Ok(false);
        }
        let (shown, archive) = (name.display().to_string(), self.archive.display());
        ensure!(
            !name.as_os_str().as_bytes().contains(&b'\n'),
            "a member of '{archive}' is named '{}', with a line break, which file_names.txt cannot have; make the archive \
             again without it",
            shown.escape_debug()
        );
        ensure!(
            stays_inside(name),
            "the member '{shown}' of '{archive}' leads out of it; make the archive again with paths inside one folder"
        );
        let is_image = !Exclusion::has(name);
        match is_image {
            true => self.listing.push(name, at),
            false => self.leave_out(name.as_os_str().as_bytes()),
        }
        Ok(is_image)
    }

    /// A member that is another name of an earlier one.
    ///
    /// # Errors
    /// As [`Members::add`].
    pub fn add_link(&mut self, name: &[u8], target: &[u8]) -> Result<()> {
        let row = self.listing.names.len();
        if self.add(name, LINK)? {
            self.links.push((row, clean(target).to_owned()));
        }
        Ok(())
    }

    /// A member that is not a file.
    pub fn leave_out(&mut self, name: &[u8]) {
        let path = Path::new(OsStr::from_bytes(name));
        let hidden = path
            .file_name()
            .and_then(|name| Exclusion::by_name(name, false));
        self.listing
            .others
            .add(hidden.unwrap_or(Exclusion::Other), path);
    }

    pub fn note(&mut self, line: String) {
        self.listing.notes.push(line);
    }

    /// # Errors
    /// Two members of one name, or a link to none.
    pub fn finish(mut self) -> Result<Listing> {
        let names = &self.listing.names;
        let order = names.order();
        let same = order
            .windows(2)
            .find(|pair| names.get(pair[0]) == names.get(pair[1]));
        if let Some(pair) = same {
            bail!(
                "'{}' holds two members named '{}', so that rows could not be told apart; make the archive again with one",
                self.archive.display(),
                names.get(pair[0]).display()
            );
        }
        for (row, target) in &self.links {
            let found = order.binary_search_by(|&other| {
                let name = names.get(other).as_os_str().as_bytes();
                name.cmp(target.as_os_str().as_bytes())
            });
            let at = found.ok().map(|place| self.listing.at[order[place]]);
            match at.filter(|&at| at != LINK) {
                Some(at) => self.listing.at[*row] = at,
                None => bail!(
                    "the member '{}' of '{}' is a link to '{}', which is no image in it; make the archive again with \
                     tar --hard-dereference",
                    names.get(*row).display(),
                    self.archive.display(),
                    target.display()
                ),
            }
        }
        Ok(self.listing)
    }
}

/// Without the `./` that GNU tar puts before names.
fn clean(mut name: &[u8]) -> &Path {
    while let Some(rest) = name.strip_prefix(b"./") {
        name = rest;
    }
    Path::new(OsStr::from_bytes(name))
}
