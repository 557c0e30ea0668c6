//! What can be typed.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use edgeplane_optimizer::{Fit, ImageFormat, Position};

const EXAMPLES: &str = "\
Examples:
  edgeplane serve                                   serve ./.amplify-hosting on port 8080
  edgeplane serve app --listen 0.0.0.0:80 --instances auto
  edgeplane serve app --upstream 127.0.0.1:3000     the Node server is somebody else's
  edgeplane check app --strict                      refuse what a deploy should not carry
  edgeplane explain GET '/about?x=1' --bundle app   which route, which file, and why
  edgeplane settings > edgeplane.toml               every setting with its default and reason

Exit codes:
  0 done   64 usage or settings   65 bad bundle   69 could not start   70 a mistake of ours";

/// Serves AWS Amplify Hosting deployment bundles: static assets, Node compute, image optimization, routing.
#[derive(Debug, Parser)]
#[command(name = "edgeplane", version, after_help = EXAMPLES, arg_required_else_help = true, max_term_width = 120)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Log more on standard error; repeat for still more
    #[arg(short, long, action = ArgAction::Count, global = true, display_order = 1000)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a bundle
    Serve(Box<ServeArgs>),
    /// Validate a bundle and show every problem at once
    Check(CheckArgs),
    /// Show which rule, route, target, file or upstream a request meets, and why
    Explain(ExplainArgs),
    /// Build the asset pack ahead of time, for container images
    Pack(PackArgs),
    /// Run the image optimizer on a file
    Optimize(OptimizeArgs),
    /// Have a running server forget optimized images and kept pages
    Purge(PurgeArgs),
    /// Hash a password from standard input, for the setting access.users
    HashPassword(HashPasswordArgs),
    /// Send a bundle to a running server, which answers with it once it is ready
    Deploy(DeployArgs),
    /// Have a running server answer with a deployment before
    Rollback(RollbackArgs),
    /// Show what a running server has deployed
    Status(StatusArgs),
    /// Print the commented default settings file
    Settings,
}

/// Flags that set settings.
pub(crate) trait SettingFlags {
    /// The file of `--config`.
    fn config(&self) -> Option<&Path>;

    /// Each setting that was typed, as it was typed; lists comma separated.
    fn written(&self) -> Vec<(&'static str, String)>;
}

/// The settings that matter to whatever opens a bundle.
#[derive(Debug, Args)]
pub(crate) struct BundleFlags {
    /// Settings file [default: ./edgeplane.toml where there is one]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A server that somebody else starts, instead of Node: host:port, http://host:port or unix:/path; repeatable
    #[arg(long, value_name = "ADDR")]
    pub(crate) upstream: Vec<String>,
}

/// The settings of a server.
#[derive(Debug, Args)]
pub(crate) struct ServeFlags {
    #[command(flatten)]
    bundle: BundleFlags,
    /// Address to serve: ip:port, http://ip:port or unix:/path; repeatable [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Vec<String>,
    /// Address of /healthz, /readyz and /metrics, or off [default: 127.0.0.1:9901]
    #[arg(long, value_name = "ADDR")]
    admin: Option<String>,
    /// Folder for packs and caches [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/edgeplane]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<String>,
    /// Worker threads, or auto: one per processor [default: auto]
    #[arg(long, value_name = "N")]
    threads: Option<String>,
    /// Node processes, or auto: one per processor [default: 1]
    #[arg(long, value_name = "N")]
    instances: Option<String>,
    /// File of KEY=value lines for Node's environment
    #[arg(long, value_name = "FILE")]
    env_file: Option<String>,
    /// Access log on standard output: text, json or off [default: text]
    #[arg(long, value_name = "FORMAT")]
    log: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Folder with deploy-manifest.json, or one that holds .amplify-hosting [default: ./.amplify-hosting]
    pub(crate) bundle: Option<PathBuf>,
    /// Serve this pack, made by `edgeplane pack`, instead of making one
    #[arg(long, value_name = "FILE")]
    pub(crate) pack: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) flags: ServeFlags,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Folder with deploy-manifest.json, or one that holds .amplify-hosting
    #[arg(default_value = ".amplify-hosting")]
    pub(crate) bundle: PathBuf,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Refuse what is otherwise only warned of
    #[arg(long)]
    pub(crate) strict: bool,
    /// Also start the Node server once and wait until it answers
    #[arg(long)]
    pub(crate) start: bool,
    #[command(flatten)]
    pub(crate) flags: BundleFlags,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Request method
    pub(crate) method: String,
    /// Path and query, or a whole URL
    pub(crate) url: String,
    /// Folder with deploy-manifest.json, or one that holds .amplify-hosting
    #[arg(long, value_name = "DIR", default_value = ".amplify-hosting")]
    pub(crate) bundle: PathBuf,
    /// Request header field, "name: value"; repeatable
    #[arg(short = 'H', long = "header", value_name = "FIELD", value_parser = field)]
    pub(crate) headers: Vec<(String, String)>,
    /// Address that the request comes from
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    pub(crate) client: IpAddr,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) flags: BundleFlags,
}

#[derive(Debug, Args)]
pub(crate) struct PackArgs {
    /// Folder with deploy-manifest.json, or one that holds .amplify-hosting
    pub(crate) bundle: PathBuf,
    /// File to write
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) flags: BundleFlags,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("box").required(true).multiple(true).args(["width", "height"]))]
pub(crate) struct OptimizeArgs {
    /// Image to read
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// Image to write
    #[arg(value_name = "OUT", required_unless_present = "compare")]
    pub(crate) output: Option<PathBuf>,
    /// Width in pixels; never enlarges
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) width: Option<u32>,
    /// Height in pixels; never enlarges
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) height: Option<u32>,
    /// How width and height are met together
    #[arg(long, default_value = "cover", value_parser = fit)]
    pub(crate) fit: Fit,
    /// What stays when cropping: center, top, right, bottom or left
    #[arg(long, default_value = "center", value_parser = position)]
    pub(crate) position: Position,
    /// avif, webp, jpeg or png [default: by the name of OUT]
    #[arg(long, value_parser = format)]
    pub(crate) format: Option<ImageFormat>,
    /// 1 to 100 [default: the setting image.quality]
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) quality: Option<u8>,
    /// What else is done to the picture, as in a URL: 'rotate=90&blur=2.5'
    #[arg(long, value_name = "QUERY")]
    pub(crate) edits: Option<String>,
    /// Write a page that shows every format beside the others, with bytes, times and SSIMULACRA2
    #[arg(long, value_name = "PAGE.html")]
    pub(crate) compare: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) flags: ConfigFlag,
}

#[derive(Debug, Args)]
pub(crate) struct PurgeArgs {
    /// How the sources of images and the pages begin: a path, a URL with its whole host, or * for all
    #[arg(value_name = "URL_PREFIX", required_unless_present = "tag")]
    pub(crate) prefix: Option<String>,
    /// Only pages with this tag, named in their Cache-Tag
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// Only what is of this site
    #[arg(long, value_name = "NAME")]
    pub(crate) site: Option<String>,
    #[command(flatten)]
    pub(crate) flags: StateFlags,
}

#[derive(Debug, Args)]
pub(crate) struct HashPasswordArgs {
    /// Name of the user, to print the whole line
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DeployArgs {
    /// Folder with deploy-manifest.json, or one that holds .amplify-hosting
    #[arg(default_value = ".amplify-hosting")]
    pub(crate) bundle: PathBuf,
    /// The site it is for [default: the one that serve was started with]
    #[arg(long, value_name = "NAME")]
    pub(crate) site: Option<String>,
    /// The name of the deployment [default: one made of its content]
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) flags: StateFlags,
}

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The site [default: the one that serve was started with]
    #[arg(long, value_name = "NAME")]
    pub(crate) site: Option<String>,
    /// The deployment that is to answer [default: the one before]
    #[arg(long, value_name = "ID")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) flags: StateFlags,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) flags: StateFlags,
}

/// The settings that tell which server is meant.
#[derive(Debug, Args)]
pub(crate) struct StateFlags {
    /// Settings file [default: ./edgeplane.toml where there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the server's packs and caches [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/edgeplane]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<String>,
}

/// Only the settings file.
#[derive(Debug, Args)]
pub(crate) struct ConfigFlag {
    /// Settings file [default: ./edgeplane.toml where there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// For whom the output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

impl SettingFlags for ConfigFlag {
    fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    fn written(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

impl SettingFlags for StateFlags {
    fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    fn written(&self) -> Vec<(&'static str, String)> {
        self.state_dir.iter().map(|dir| ("state-dir", dir.clone())).collect()
    }
}

impl SettingFlags for BundleFlags {
    fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    fn written(&self) -> Vec<(&'static str, String)> {
        list("upstream", &self.upstream).into_iter().collect()
    }
}

impl SettingFlags for ServeFlags {
    fn config(&self) -> Option<&Path> {
        self.bundle.config()
    }

    fn written(&self) -> Vec<(&'static str, String)> {
        let single = [
            ("admin", &self.admin),
            ("state-dir", &self.state_dir),
            ("threads", &self.threads),
            ("instances", &self.instances),
            ("env-file", &self.env_file),
            ("log", &self.log),
        ];
        let mut written = self.bundle.written();
        written.extend(list("listen", &self.listen));
        written.extend(single.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))));
        written
    }
}

fn list(key: &'static str, values: &[String]) -> Option<(&'static str, String)> {
    (!values.is_empty()).then(|| (key, values.join(",")))
}

fn field(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.trim().to_owned())),
        _ => Err("write it as 'name: value'"),
    }
}

/// The format that a name or a file's extension stands for.
pub(crate) fn format(name: &str) -> Result<ImageFormat, &'static str> {
    match name.to_ascii_lowercase().as_str() {
        "avif" => Ok(ImageFormat::Avif),
        "webp" => Ok(ImageFormat::Webp),
        "jpeg" | "jpg" => Ok(ImageFormat::Jpeg),
        "png" => Ok(ImageFormat::Png),
        _ => Err("the formats are avif, webp, jpeg and png"),
    }
}

fn fit(name: &str) -> Result<Fit, &'static str> {
    match name {
        "cover" => Ok(Fit::Cover),
        "contain" => Ok(Fit::Contain),
        "fill" => Ok(Fit::Fill),
        "inside" => Ok(Fit::Inside),
        "outside" => Ok(Fit::Outside),
        _ => Err("the fits are cover, contain, fill, inside and outside"),
    }
}

fn position(name: &str) -> Result<Position, &'static str> {
    match name {
        "center" | "centre" => Ok(Position::Center),
        "top" => Ok(Position::Top),
        "right" => Ok(Position::Right),
        "bottom" => Ok(Position::Bottom),
        "left" => Ok(Position::Left),
        _ => Err("the positions are center, top, right, bottom and left"),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use edgeplane_config::{Settings, Sources};

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_flag_of_serve_reaches_its_setting() {
        let words = [
            "edgeplane",
            "serve",
            "app",
            "--listen",
            "127.0.0.1:1",
            "--listen",
            "unix:/run/e.sock",
            "--admin",
            "off",
            "--state-dir",
            "/state",
            "--threads",
            "3",
            "--instances",
            "auto",
            "--upstream",
            "app:3000",
            "--env-file",
            "/a.env",
            "--log",
            "json",
        ];
        let Command::Serve(args) = Arguments::try_parse_from(words).unwrap().command else { panic!("not serve") };
        let sources = Sources { flags: args.flags.written(), ..Sources::default() };
        let settings = Settings::load(&sources).unwrap().settings;
        let defaults = Settings::default();
        assert_eq!(settings.listen.len(), 2);
        assert_eq!(settings.state_dir, Path::new("/state"));
        assert_eq!(settings.env_file.as_deref(), Some(Path::new("/a.env")));
        assert_ne!(settings.admin, defaults.admin);
        assert_ne!(settings.threads, defaults.threads);
        assert_ne!(settings.instances, defaults.instances);
        assert_ne!(settings.upstream, defaults.upstream);
        assert_ne!(settings.log, defaults.log);
    }

    #[test]
    fn what_was_not_typed_sets_nothing() {
        let Command::Serve(args) = Arguments::try_parse_from(["edgeplane", "serve"]).unwrap().command else {
            panic!("not serve")
        };
        assert_eq!(args.flags.written(), []);
    }

    #[test]
    fn optimize_needs_a_width_or_a_height_within_reason() {
        let parse =
            |rest: &[&str]| Arguments::try_parse_from(["edgeplane", "optimize", "a", "b"].iter().chain(rest)).is_ok();
        assert!(parse(&["--width", "640"]) && parse(&["--height", "1"]) && parse(&["--width", "1", "--height", "1"]));
        assert!(!parse(&[]) && !parse(&["--width", "0"]) && !parse(&["--width", "1", "--quality", "101"]));
        assert!(!parse(&["--width", "1", "--format", "gif"]) && !parse(&["--width", "1", "--fit", "best"]));
    }

    #[test]
    fn a_header_is_a_name_and_a_value() {
        assert_eq!(field("Accept:  image/avif "), Ok(("Accept".to_owned(), "image/avif".to_owned())));
        assert!(field("Accept").is_err() && field(": x").is_err());
    }
}
