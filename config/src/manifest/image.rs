//! The manifest's `imageSettings`.

use std::time::Duration;

use super::{
    host,
    node::{Members, Node},
    remote,
};
use crate::{ImageFormat, ImageSettings, Rule, Severity, report::Report};

/// Reads the image settings; every member is required.
pub(super) fn read(node: &Node<'_>, report: &mut Report) -> Option<ImageSettings> {
    let known =
        ["sizes", "domains", "remotePatterns", "formats", "minimumCacheTTL", "minumumCacheTTL", "dangerouslyAllowSVG"];
    let members = node.members(&known, Severity::Warning, report)?;
    let sizes = members.required("sizes", "[640, 1080, 1920]", report).and_then(|node| sizes(&node, report));
    let domains = members.required("domains", "[]", report).and_then(|node| domains(&node, report));
    let remote_patterns =
        members.required("remotePatterns", "[]", report).and_then(|node| each(&node, report, remote::read));
    let formats = members.required("formats", "[\"image/webp\"]", report).and_then(|node| formats(&node, report));
    let minimum_cache_ttl = minimum_cache_ttl(&members, report);
    let svg = members.required("dangerouslyAllowSVG", "false", report).and_then(|node| node.boolean(report));
    Some(ImageSettings {
        sizes: sizes?,
        domains: domains?,
        remote_patterns: remote_patterns?,
        formats: formats?,
        minimum_cache_ttl: minimum_cache_ttl?,
        dangerously_allow_svg: svg?,
    })
}

/// Reads every element of a list, also after a broken one; `None` when one is broken.
fn each<'a, T>(
    node: &Node<'a>,
    report: &mut Report,
    mut read: impl FnMut(&Node<'a>, &mut Report) -> Option<T>,
) -> Option<Vec<T>> {
    let elements = node.elements(report)?;
    let read: Vec<Option<T>> = elements.iter().map(|element| read(element, report)).collect();
    read.into_iter().collect()
}

/// The widths, sorted and each once: frameworks emit them in any order.
fn sizes(node: &Node<'_>, report: &mut Report) -> Option<Vec<u32>> {
    let mut sizes = each(node, report, |node, report| match node.whole(report)? {
        Ok(size) if size > 0 => Some(size),
        other => {
            let number = other.map_or_else(str::to_owned, |number| number.to_string());
            let message = format!("{number} is not a width in pixels");
            report.error(Rule::ImageSize, &node.anchor, message, "write a whole number, 1 or more");
            None
        }
    })?;
    if sizes.is_empty() {
        let help = "list the widths in use; until then those of the setting `image.default-sizes` hold";
        report.warning(Rule::ImageSizesEmpty, &node.anchor, "there are no `sizes`", help);
    }
    sizes.sort_unstable();
    sizes.dedup();
    Some(sizes)
}

/// The hosts. What is no plain host name is left out with a warning, as it can never equal one.
fn domains(node: &Node<'_>, report: &mut Report) -> Option<Vec<String>> {
    let domains = each(node, report, |node, report| {
        let text = node.string(report)?;
        let domain = host::literal(text).map_err(|help| {
            let message = format!("the domain {text:?} is not a host name and matches nothing");
            report.warning(Rule::ImageDomain, &node.anchor, message, help);
        });
        Some(domain.ok())
    })?;
    Some(domains.into_iter().flatten().collect())
}

/// The output formats in the manifest's order, each once. An empty list is legal: images keep their format.
fn formats(node: &Node<'_>, report: &mut Report) -> Option<Vec<ImageFormat>> {
    let listed = each(node, report, |node, report| {
        let text = node.string(report)?;
        let format = ImageFormat::ALL.into_iter().find(|format| format.media_type() == text);
        if format.is_none() && text == "image/gif" {
            let help = "remove it: GIFs are passed through as they are";
            report.warning(Rule::ImageFormatGif, &node.anchor, "`image/gif` is not an output format", help);
            return Some(None);
        }
        if format.is_none() {
            let message = format!("there is no output format `{text}`");
            let help = match text {
                "image/jpg" | "jpg" | "jpeg" => "write `image/jpeg`",
                _ => "use `image/avif`, `image/webp`, `image/png` or `image/jpeg`",
            };
            report.error(Rule::ImageFormat, &node.anchor, message, help);
        }
        format.map(Some)
    })?;
    let mut formats = Vec::new();
    for format in listed.into_iter().flatten() {
        if !formats.contains(&format) {
            formats.push(format);
        }
    }
    Some(formats)
}

/// The specification spells the key in two ways, and every tool writes `minimumCacheTTL`: that one wins.
fn minimum_cache_ttl(members: &Members<'_>, report: &mut Report) -> Option<Duration> {
    let misspelt = members.optional("minumumCacheTTL");
    if let Some(node) = &misspelt {
        let help = "write `minimumCacheTTL`; where both stand, that one counts";
        report.warning(Rule::ImageTtlSpelling, &node.anchor, "`minumumCacheTTL` is a misspelling", help);
    }
    let node = match (members.optional("minimumCacheTTL"), misspelt) {
        (Some(node), _) | (None, Some(node)) => node,
        (None, None) => members.required("minimumCacheTTL", "60", report)?,
    };
    match node.whole(report)? {
        Ok(seconds) => Some(Duration::from_secs(seconds.into())),
        Err(number) => {
            let message = format!("{number} is not a duration in seconds");
            report.error(Rule::ImageTtl, &node.anchor, message, "write a whole number, 0 or more");
            None
        }
    }
}
