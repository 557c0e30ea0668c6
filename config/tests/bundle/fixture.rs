//! Bundles made for one test, and manifests in which a mark shows the place that must be reported.

use std::{fs, os::unix::fs::symlink, path::Path};

use edgeplane_config::{Bundle, Problem, Problems, Rule, Severity};
use tempfile::TempDir;

/// Stands before the character whose line and column must be reported; taken out before the manifest is read.
pub(crate) const MARK: char = '▶';

/// A text that breaks one rule in one place.
pub(crate) struct Case {
    pub(crate) rule: Rule,
    pub(crate) pointer: &'static str,
    /// The manifest, with [`MARK`] at the place.
    pub(crate) marked: String,
}

/// Makes a [`Case`].
pub(crate) fn case(rule: Rule, pointer: &'static str, marked: impl Into<String>) -> Case {
    Case { rule, pointer, marked: marked.into() }
}

impl Case {
    /// The manifest without the mark.
    pub(crate) fn text(&self) -> String {
        self.marked.replace(MARK, "")
    }

    /// Line and column of the mark, both from one, in characters.
    pub(crate) fn position(&self) -> (usize, usize) {
        let at = self.marked.find(MARK).unwrap_or_else(|| panic!("no mark in {}", self.marked));
        let before = &self.marked[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// Asserts that this rule, with this severity, at this place is the only problem.
    pub(crate) fn assert_only_problem(&self, problems: &Problems, severity: Severity) {
        let told: Vec<_> = problems.iter().map(summary).collect();
        let wanted = (self.rule, severity, self.pointer, Some(self.position()));
        assert_eq!(told, [wanted], "in {}\n{problems}", self.marked);
        assert!(problems.iter().all(|problem| problem.help.is_some()), "no help: {problems}");
    }
}

fn summary(problem: &Problem) -> (Rule, Severity, &str, Option<(usize, usize)>) {
    let location = &problem.location;
    (problem.rule, problem.severity, &location.pointer, location.position)
}

/// A bundle folder that goes away with the test.
pub(crate) struct Fixture {
    pub(crate) root: TempDir,
}

impl Fixture {
    /// An empty folder.
    pub(crate) fn empty() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    /// A folder with this manifest.
    pub(crate) fn new(manifest: &str) -> Self {
        Self::empty().with("deploy-manifest.json", manifest)
    }

    /// Adds a file and the folders it needs.
    pub(crate) fn with(self, path: &str, content: &str) -> Self {
        let file = self.root.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
        self
    }

    /// Adds many small files.
    pub(crate) fn files(self, paths: &[&str]) -> Self {
        paths.iter().fold(self, |fixture, path| fixture.with(path, "x"))
    }

    /// Adds a folder.
    pub(crate) fn folder(self, path: &str) -> Self {
        fs::create_dir_all(self.root.path().join(path)).unwrap();
        self
    }

    /// Adds a symbolic link that reads `target`.
    pub(crate) fn link(self, path: &str, target: impl AsRef<Path>) -> Self {
        let link = self.root.path().join(path);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(target, link).unwrap();
        self
    }

    /// Opens it, its own Node servers wanted.
    pub(crate) fn open(&self) -> Result<Bundle, Problems> {
        Bundle::open(self.root.path(), false)
    }

    /// Opens it as the bundle of a sidecar.
    pub(crate) fn open_as_sidecar(&self) -> Result<Bundle, Problems> {
        Bundle::open(self.root.path(), true)
    }
}

/// `/*` to Compute.
pub(crate) const CATCH_ALL: &str = r#"{"path": "/*", "target": {"kind": "Compute", "src": "default"}}"#;

/// The usual compute resource.
pub(crate) const RESOURCE: &str = r#"{"name": "default", "runtime": "nodejs20.x", "entrypoint": "server.js"}"#;

/// Image settings with nothing special.
pub(crate) const IMAGES: &str = r#"{"sizes": [640], "domains": [], "remotePatterns": [], "formats": ["image/webp"],
    "minimumCacheTTL": 60, "dangerouslyAllowSVG": false}"#;

/// A manifest of these routes, one compute resource and a framework.
pub(crate) fn routes(routes: &str) -> String {
    format!(
        "{{\n  \"version\": 1,\n  \"routes\": [{routes}],\n  \"computeResources\": [{RESOURCE}],\n  \
         \"framework\": {{\"name\": \"nuxt\", \"version\": \"3.8.1\"}}\n}}\n"
    )
}

/// A manifest whose first route, `/a/*`, has this target, the catch-all behind it.
pub(crate) fn target(target: &str) -> String {
    routes(&format!("\n    {{\"path\": \"/a/*\", \"target\": {target}}},\n    {CATCH_ALL}\n  "))
}

/// A manifest whose first route has this path.
pub(crate) fn path(path: &str) -> String {
    routes(&format!("\n    {{\"target\": {{\"kind\": \"Static\"}}, \"path\": {path}}},\n    {CATCH_ALL}\n  "))
}

/// A manifest with these `computeResources`.
pub(crate) fn resources(resources: &str) -> String {
    routes(CATCH_ALL).replace(&format!("[{RESOURCE}]"), resources)
}

/// A manifest with this compute resource.
pub(crate) fn resource(resource: &str) -> String {
    resources(&format!("[\n    {resource}\n  ]"))
}

/// A manifest with an image route and these image settings.
pub(crate) fn images(settings: &str) -> String {
    let image = r#"{"path": "/i", "target": {"kind": "ImageOptimization"}}"#;
    routes(&format!("{image}, {CATCH_ALL}"))
        .replace("  \"framework\"", &format!("  \"imageSettings\": {settings},\n  \"framework\""))
}

/// A manifest whose image settings have this member in place of the usual one.
pub(crate) fn image(key: &str, value: &str) -> String {
    let lines = [
        ("sizes", "[640]"),
        ("domains", "[]"),
        ("remotePatterns", "[]"),
        ("formats", "[\"image/webp\"]"),
        ("minimumCacheTTL", "60"),
        ("dangerouslyAllowSVG", "false"),
    ];
    assert!(lines.iter().any(|(known, _)| *known == key), "no such member: {key}");
    let members = lines.map(|(known, usual)| format!("    \"{known}\": {}", if known == key { value } else { usual }));
    images(&format!("{{\n{}\n  }}", members.join(",\n")))
}

/// A manifest whose image settings have this remote pattern.
pub(crate) fn remote(pattern: &str) -> String {
    image("remotePatterns", &format!("[{pattern}]"))
}

/// A manifest with this `framework`.
pub(crate) fn framework(framework: &str) -> String {
    routes(CATCH_ALL).replace(r#"{"name": "nuxt", "version": "3.8.1"}"#, framework)
}
