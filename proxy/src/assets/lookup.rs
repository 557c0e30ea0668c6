//! Hot: which file a path means where none has its very name: a page without its `.html`, the index of a folder.
//!
//! What there is was worked out when the pack was opened; a request costs one more look-up in memory, and only where no
//! file has the name that was asked for.

use edgeplane_config::StaticSettings;
use indexmap::IndexMap;

/// Which ways of naming a file count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// Its own name.
    pub(super) exact: bool,
    /// `/docs/` for `docs/index.html`.
    pub(super) index: bool,
    /// `/about` for `about.html`.
    pub(super) clean: bool,
    /// `/docs` for `docs/index.html`.
    pub(super) bare: Bare,
}

/// What becomes of a folder's name without its final slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bare {
    /// It names nothing.
    Missing,
    /// The client is sent to the name with the slash, so that relative links in the page lead where they should.
    Redirect,
    /// It is answered by the folder's index.
    Answer,
}

impl Lookup {
    /// Only what the specification says: "all static assets ... are served unchanged" under their own names.
    pub const EXACT: Self = Self { exact: true, index: false, clean: false, bare: Bare::Missing };

    /// Prerendered pages and nothing else, under the paths that their frameworks link them by.
    pub const PAGES: Self = Self { exact: false, index: true, clean: true, bare: Bare::Answer };

    /// The same under an address that a rule has put in the place of the client's: whoever was sent to the folder's name
    /// with its slash would see the address that is behind, and perhaps come by the same rule again.
    pub fn without_redirects(self) -> Self {
        Self { bare: if self.bare == Bare::Redirect { Bare::Answer } else { self.bare }, ..self }
    }

    /// As the settings say, for Static targets.
    pub fn new(settings: &StaticSettings) -> Self {
        let bare = if settings.slash_redirects && settings.index { Bare::Redirect } else { Bare::Missing };
        Self { exact: true, index: settings.index, clean: settings.clean_urls, bare }
    }
}

/// The pages of a pack, by the path that leads to each, without `.html`, `index.html` and slashes at its ends.
#[derive(Debug, Default)]
pub(super) struct Pages(IndexMap<Box<[u8]>, Page>);

/// Files that a path may mean, by their place in the pack.
#[derive(Clone, Copy, Debug, Default)]
struct Page {
    clean: Option<usize>,
    index: Option<usize>,
}

/// What a path means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// The file in that place.
    File(usize),
    /// A folder, whose name ends in a slash.
    Folder,
}

impl Pages {
    /// Takes note of a file.
    pub(super) fn add(&mut self, name: &[u8], at: usize) {
        let Some(stem) = name.strip_suffix(b".html") else { return };
        if !matches!(stem, [] | [.., b'/']) {
            self.0.entry(stem.into()).or_default().clean = Some(at);
        }
        if let Some(folder) = stem.strip_suffix(b"index")
            && matches!(folder, [] | [.., b'/'])
        {
            self.0.entry(folder.strip_suffix(b"/").unwrap_or_default().into()).or_default().index = Some(at);
        }
    }

    /// What a path without its first slash means.
    pub(super) fn find(&self, path: &[u8], lookup: Lookup) -> Option<Meant> {
        match path {
            [] if lookup.index => self.0.get(path)?.index.map(Meant::File),
            [folder @ .., b'/'] if lookup.index && !folder.is_empty() => self.0.get(folder)?.index.map(Meant::File),
            [] | [.., b'/'] => None,
            _ => self.0.get(path)?.bare(lookup),
        }
    }
}

impl Page {
    /// What a path without a final slash means.
    fn bare(self, lookup: Lookup) -> Option<Meant> {
        match (self.clean.filter(|_| lookup.clean), self.index, lookup.bare) {
            (Some(page), _, _) => Some(Meant::File(page)),
            (None, Some(_), Bare::Redirect) => Some(Meant::Folder),
            (None, Some(index), Bare::Answer) => Some(Meant::File(index)),
            (None, _, _) => None,
        }
    }
}
