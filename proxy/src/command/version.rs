//! `edgeplane --version`, and with `--verbose` what this program finds where it runs.

use std::ffi::OsString;

use crate::child::image::Confinement;

/// Whether some words ask to hear more.
pub(super) fn is_verbose(words: &[OsString]) -> bool {
    let short = |word: &str| word.starts_with('-') && !word.starts_with("--") && word.contains('v');
    words.iter().filter_map(|word| word.to_str()).any(|word| word == "--verbose" || short(word))
}

/// What holds image workers back here, and what follows from it, a line each.
pub(super) fn surroundings() -> String {
    let Confinement { files, calls } = Confinement::of_kernel();
    let avif = if files && calls { "optimized" } else { "passed as they are, without image.unsandboxed" };
    format!("landlock {files}\nseccomp {calls}\nAVIF sources {avif}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_that_ask_for_more() {
        for (words, verbose) in [
            (vec!["edgeplane", "--version", "--verbose"], true),
            (vec!["edgeplane", "-v", "--version"], true),
            (vec!["edgeplane", "-Vvv"], true),
            (vec!["edgeplane", "--version"], false),
            (vec!["edgeplane", "-V"], false),
        ] {
            let told: Vec<OsString> = words.iter().map(OsString::from).collect();
            assert_eq!(is_verbose(&told), verbose, "{words:?}");
        }
    }
}
