//! What was asked: the framework's deployment manifest and the operator's settings, from text to meaning.
//!
//! Glossary, in the words of the Amplify Hosting deployment specification:
//!
//! * **bundle**: the folder a framework emits (`.amplify-hosting`): `static/`, `compute/` and the manifest.
//! * **manifest**: `deploy-manifest.json`, the contract between framework and host.
//! * **route**: a path pattern, the target it leads to and, perhaps, a fallback.
//! * **target**: one of the three primitives: static assets, compute, image optimization.
//! * **fallback**: the target asked when the first one says 404.
//! * **compute resource**: the Node.js server in `compute/default`.
//! * **image settings**: what the image optimization primitive may do.
//! * **custom headers**: fields for the paths that patterns match, as `customHttp.yml` has them; no part of the manifest.
//! * **access**: from which addresses, with which passwords and how often one may ask; no part of the manifest.
//! * **custom rule**: a rewrite or redirect, as Amplify's console has them; no part of the manifest.
//!
//! Nothing here opens a socket, and nothing changes after start. A [`Bundle`] that exists obeys the specification.
#![forbid(unsafe_code)]

mod bundle;
mod compute;
mod custom_headers;
mod custom_rules;
mod image;
mod manifest;
mod problem;
mod report;
mod route;
mod rule;
mod settings;

pub use bundle::{Bundle, ComputeFolder};
pub use compute::{ComputeResource, Runtime};
pub use custom_headers::{HeaderField, HeaderPlace, HeaderRule, custom_headers, custom_headers_file};
pub use custom_rules::{
    CustomRule, Demand, Piece, Placeholder, RuleAction, RuleSource, RuleTarget, RuleText, Site, parse_custom_rules,
    read_custom_rules,
};
pub use image::{ImageFormat, ImageSettings, RemotePattern};
pub use manifest::{Framework, MANIFEST_BYTES_MAX, MANIFEST_FILE, Manifest};
pub use problem::{Location, Problem, Problems, Rule, Severity};
pub use route::{PathFault, PathPattern, Route, Target, TargetKind};
pub use settings::{
    AccessPolicy, AccessSettings, Address, Admin, Amount, CertificateFiles, Coding, CompressionSettings,
    ComputeSettings, DeploySettings, EdgeCacheSettings, HeaderSettings, HostAccess, HostPattern, Http2Settings,
    ImageTuning, Limits, Listen, Loaded, LogFormat, Origin, PasswordHash, Prerendered, ProxyProtocolSettings, Rate,
    RedirectSettings, RewriteSettings, SettingProblem, SettingProblems, Settings, SiteSettings, SkewSettings, Sources,
    StaticSettings, Timeouts, TlsSettings, User, twin,
};
