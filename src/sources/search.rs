//! The search for all images of a run. It gives them some at a time, in the order of their rows: a process that writes
//! them down need not hold them all.

use crate::sources::file_names::FileNames;
use crate::sources::images::Images;
use crate::sources::list::SOME;
use crate::sources::named_source::NamedSource;
use crate::sources::others::Others;
use crate::sources::parallel::{AT_ONCE, in_parallel};
use crate::sources::place::Place;
use crate::sources::scan::ENDINGS;
use crate::sources::source::Listing;
use crate::sources::source_list::SourceList;
use anyhow::{Result, bail};
use std::ffi::OsStr;
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Takes the names and the places of some images. There are no places if the only source is a folder.
type Take<'a> = &'a mut dyn FnMut(FileNames, Vec<Place>) -> Result<()>;

impl SourceList {
    /// All images of all sources, or those that a list names, in its order. Lines for the user go to `say`.
    ///
    /// # Errors
    /// As [`SourceList::each`].
    pub fn all(self, list: Option<&Path>, say: impl Fn(&str)) -> Result<Images> {
        let (mut names, mut places) = (FileNames::default(), Vec::new());
        self.each(list, say, &mut |some, their_places| {
            names.append(some);
            places.extend(their_places);
            Ok(())
        })?;
        self.placed(0, names, places)
    }

    /// The same, but given to `take` in pieces: at a time the images of some sources, or a stretch of the list. A list of
    /// members of archives is given whole, because each archive is searched only once.
    ///
    /// # Errors
    /// A source or a list that cannot be read; no image; a name in the list of none. What lies in folders is not looked
    /// for. What `take` fails with.
    pub fn each(&self, list: Option<&Path>, say: impl Fn(&str), take: Take<'_>) -> Result<()> {
        match (list, self.only_folder()) {
            (None, _) => self.search(say, take),
            (Some(list), Some(_)) => self.each_of_list(list, &mut |some| take(some, Vec::new())),
            (Some(list), None) => {
                let mut names = FileNames::default();
                self.each_of_list(list, &mut |some| {
                    names.append(some);
                    Ok(())
                })?;
                let places = self.places_of(&names, list)?;
                take(names, places)
            }
        }
    }

    fn search(&self, say: impl Fn(&str), take: Take<'_>) -> Result<()> {
        let (mut names, mut places) = (FileNames::default(), Vec::new());
        let mut others = Others::default();
        let (mut done, mut count) = (0, 0);
        for some in self.sources().chunks(AT_ONCE) {
            let listings = in_parallel(some.len(), |i| some[i].list())?;
            for (named, listing) in some.iter().zip(listings) {
                listing.notes.iter().for_each(|line| say(line));
                others.absorb(&named.front, &listing.others);
                count += listing.names.len();
                if self.only_folder().is_none() {
                    places.extend(listing.at.iter().map(|&at| Place::new(done, at)));
                }
                names.append(names_of_rows(named, listing));
                done += 1;
                if names.len() >= SOME {
                    take(mem::take(&mut names), mem::take(&mut places))?;
                }
            }
        }
        let line = others.line();
        if count == 0 {
            let line = line.map_or(String::new(), |line| format!(" ({line})"));
            bail!(
                "no image in {}{line}; looked for files ending in {}",
                self.shown(),
                ENDINGS.join(", ")
            );
        }
        if let Some(line) = line {
            say(&line);
        }
        take(names, places)
    }
}

/// The names of a source's items, with its own in front.
fn names_of_rows(named: &NamedSource, Listing { names, .. }: Listing) -> FileNames {
    if named.front.as_os_str().is_empty() {
        return names;
    }
    let mut rows = FileNames::default();
    let mut whole = named.front.as_os_str().as_bytes().to_vec();
    let start = whole.len();
    for name in names.iter().map(|name| name.as_os_str().as_bytes()) {
        whole.truncate(start);
        if !name.is_empty() {
            whole.push(b'/');
        }
        whole.extend_from_slice(name);
        rows.push(Path::new(OsStr::from_bytes(&whole)));
    }
    rows
}
