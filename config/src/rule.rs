//! The rules: one name for every demand a bundle can fail.

/// Declares the enum, its names and the list of all rules from one table, so that none of them can be forgotten.
macro_rules! rules {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal, )*) => {
        /// One demand of the specification, or of what makes it servable; the name is what `check` prints.
        ///
        /// Names are part of the public contract: they are added, never changed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule { $( $(#[$doc])* $variant, )* }

        impl Rule {
            /// Every rule, in the order of the chapters of the specification.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The stable kebab-case name, for people and for `--format json`.
            pub fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }
        }
    };
}

rules! {
    /// The bundle is a folder that can be read.
    BundleMissing = "bundle-missing",
    /// The bundle holds `deploy-manifest.json`.
    ManifestMissing = "manifest-missing",
    /// The manifest is a readable file of UTF-8 text.
    ManifestUnreadable = "manifest-unreadable",
    /// The manifest is no larger than one mebibyte.
    ManifestTooLarge = "manifest-too-large",
    /// The manifest is JSON (RFC 8259): no comments, no trailing commas.
    JsonSyntax = "json-syntax",
    /// An object names each of its members once.
    DuplicateKey = "duplicate-key",
    /// A member the specification does not know has no effect.
    UnknownKey = "unknown-key",
    /// Required members are present.
    MissingKey = "missing-key",
    /// Values have the type the specification gives them.
    WrongType = "wrong-type",
    /// The end of a list of problems that was cut short.
    TooManyProblems = "too-many-problems",

    /// `version` is 1.
    VersionUnsupported = "version-unsupported",

    /// There is at least one route.
    RoutesEmpty = "routes-empty",
    /// There are at most 25 routes.
    RoutesTooMany = "routes-too-many",
    /// The last route is the catch-all `/*`.
    CatchAllLast = "catch-all-last",
    /// A route can be reached: no earlier one takes all its paths.
    RouteUnreachable = "route-unreachable",
    /// There is a Static or a Compute route.
    StaticOrComputeRoute = "static-or-compute-route",
    /// A path starts with `/`.
    PathStart = "path-start",
    /// A path has at most 255 characters.
    PathLength = "path-length",
    /// A path uses the specification's characters only.
    PathAlphabet = "path-alphabet",
    /// Whether a path may contain a space can be read both ways.
    PathSpace = "path-space",

    /// A target's kind is one of the three primitives.
    TargetKind = "target-kind",
    /// A Compute target names its compute resource.
    SrcRequired = "src-required",
    /// Only a Compute target has a `src`.
    SrcOnlyCompute = "src-only-compute",
    /// `src` is `default`.
    SrcUnknown = "src-unknown",
    /// A Compute target has no `cacheControl`.
    CacheControlOnCompute = "cache-control-on-compute",
    /// `cacheControl` can be sent as the value of a header field.
    CacheControlValue = "cache-control-value",
    /// A fallback is of another kind than its target.
    FallbackSameKind = "fallback-same-kind",

    /// A Compute target has its entry in `computeResources`.
    ComputeResourceMissing = "compute-resource-missing",
    /// An entry of `computeResources` has a route.
    ComputeResourceUnused = "compute-resource-unused",
    /// There is one compute resource.
    ComputeResourceRepeated = "compute-resource-repeated",
    /// A compute resource is called `default`.
    ComputeName = "compute-name",
    /// A runtime is spelled `nodejsNN.x`.
    RuntimeUnknown = "runtime-unknown",
    /// A runtime is one that the specification's text lists.
    RuntimeUnlisted = "runtime-unlisted",
    /// An entry point is a bare file name.
    EntrypointBare = "entrypoint-bare",

    /// Image optimization comes with image settings.
    ImageSettingsMissing = "image-settings-missing",
    /// Image settings come with image optimization.
    ImageSettingsUnused = "image-settings-unused",
    /// Image optimization comes with a Compute route.
    ImageNeedsCompute = "image-needs-compute",
    /// A size is a whole number of pixels, at least 1.
    ImageSize = "image-size",
    /// There is a size to ask for.
    ImageSizesEmpty = "image-sizes-empty",
    /// A domain is a bare host name.
    ImageDomain = "image-domain",
    /// A format is one of the four.
    ImageFormat = "image-format",
    /// Animated GIFs are passed through, never written.
    ImageFormatGif = "image-format-gif",
    /// The minimum cache TTL is a whole number of seconds.
    ImageTtl = "image-ttl",
    /// `minimumCacheTTL` is spelled like this.
    ImageTtlSpelling = "image-ttl-spelling",
    /// A remote pattern's protocol is `http` or `https`.
    ImagePatternProtocol = "image-pattern-protocol",
    /// A remote pattern for plain http matches nothing by default.
    ImagePatternHttp = "image-pattern-http",
    /// A remote pattern's host is literal or has the two documented wildcards, and is no blanket.
    ImagePatternHostname = "image-pattern-hostname",
    /// A remote pattern's port is empty or a number from 1 to 65535.
    ImagePatternPort = "image-pattern-port",
    /// A remote pattern's path is a glob that starts with `/`.
    ImagePatternPathname = "image-pattern-pathname",

    /// The rules of a bundle, or of a named file, are readable UTF-8 text of at most one mebibyte.
    CustomRulesUnreadable = "custom-rules-unreadable",
    /// A custom rule's texts are as long as Amplify's API allows.
    CustomRuleLength = "custom-rule-length",
    /// There is no white space around a custom rule's texts.
    CustomRuleSpace = "custom-rule-space",
    /// A custom rule's source is a path, a host or a regular expression.
    CustomRuleSource = "custom-rule-source",
    /// `<*>` stands once, at the end.
    CustomRuleWildcard = "custom-rule-wildcard",
    /// A source for a host names the host alone.
    CustomRuleHost = "custom-rule-host",
    /// A regular expression can be read.
    CustomRuleRegex = "custom-rule-regex",
    /// A custom rule's target is a path or an address that its status can lead to.
    CustomRuleTarget = "custom-rule-target",
    /// What a target names stands in the source.
    CustomRulePlaceholder = "custom-rule-placeholder",
    /// A custom rule's status is one of Amplify's five.
    CustomRuleStatus = "custom-rule-status",
    /// A condition is a country.
    CustomRuleCondition = "custom-rule-condition",
    /// A custom rule can be reached: no earlier one takes all its requests.
    CustomRuleUnreachable = "custom-rule-unreachable",

    /// The framework has a name.
    FrameworkName = "framework-name",
    /// The framework's version is a semantic version.
    FrameworkVersion = "framework-version",
    /// The framework says which version it is.
    FrameworkVersionZero = "framework-version-zero",

    /// A Static route has its `static` folder.
    StaticMissing = "static-missing",
    /// A route that only Static answers has a file to answer with.
    StaticRouteEmpty = "static-route-empty",
    /// Nothing outside `static` is served by way of a symbolic link.
    StaticLinkLeaves = "static-link-leaves",
    /// A Compute route has its `compute/default` folder.
    ComputeMissing = "compute-missing",
    /// The entry point is a file in the root of `compute/default`.
    EntrypointMissing = "entrypoint-missing",
    /// `compute/default` is self-contained: no symbolic link leads out of it.
    ComputeLinkLeaves = "compute-link-leaves",
    /// `compute/default` is at most 220 MiB, as on Amplify.
    ComputeTooLarge = "compute-too-large",
    /// `static` and `compute` are folders of the bundle itself.
    FolderLeavesBundle = "folder-leaves-bundle",
    /// A folder can be read, and read to its end.
    FolderUnreadable = "folder-unreadable",

    /// The file of custom headers can be read, and is no larger than one mebibyte.
    HeadersUnreadable = "headers-unreadable",
    /// The file of custom headers is YAML.
    YamlSyntax = "yaml-syntax",
    /// It is clear to which application custom headers belong.
    HeaderApplication = "header-application",
    /// There are at most a thousand patterns of custom headers.
    HeadersTooMany = "headers-too-many",
    /// A pattern of custom headers is one, and means what it looks like.
    HeaderPattern = "header-pattern",
    /// The name of a custom header is one.
    HeaderName = "header-name",
    /// The value of a custom header can be sent.
    HeaderValue = "header-value",
    /// A custom header is not one that belongs to the connection or to the answer itself.
    HeaderReserved = "header-reserved",
    /// A pattern names each of its headers once.
    HeaderRepeated = "header-repeated",
}
