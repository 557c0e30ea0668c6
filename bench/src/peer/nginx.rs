//! nginx: sendfile, open file cache, compressed siblings, an access log that says what ours says and is gathered alike.

use std::{net::SocketAddr, path::Path, process::Command};

use nix::unistd::Uid;

use super::{Coding, Peer, Place, Plan, Role, first_line_of};
use crate::{failure::Failure, site::write, stage::Programs};

/// The reference.
#[derive(Debug)]
pub(crate) struct Nginx;

/// Where distributions put it, when it is not in `PATH`.
const PROGRAMS: [&str; 2] = ["nginx", "/usr/sbin/nginx"];
/// Where distributions put its modules.
const MODULES: [&str; 3] = ["/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/share/nginx/modules"];
/// Serves `x.br`; without it brotli is not compared.
const BROTLI: &str = "ngx_http_brotli_static_module.so";
/// Compresses in brotli; without it only gzip is compared.
const BROTLI_FILTER: &str = "ngx_http_brotli_filter_module.so";
/// The levels at which nginx makes the page of `encoded` about as small as Edgeplane does by its defaults.
const GZIP_LEVEL: u8 = 5;
const BROTLI_LEVEL: u8 = 4;
/// What nginx keeps open to an upstream: more than the generator has connections.
const UPSTREAM_CONNECTIONS: usize = 128;

impl Nginx {
    /// Whether compressed siblings in brotli are served.
    pub(crate) fn has_brotli() -> bool {
        module(BROTLI).is_some()
    }

    /// Whether it compresses in brotli.
    pub(crate) fn encodes_brotli() -> bool {
        module(BROTLI_FILTER).is_some()
    }
}

impl Peer for Nginx {
    fn name(&self) -> &'static str {
        "nginx"
    }

    fn version(&self, _: &Programs) -> Option<String> {
        PROGRAMS.into_iter().find_map(|program| first_line_of(Command::new(program).arg("-v")))
    }

    fn plan(&self, role: &Role<'_>, place: &Place<'_>) -> Result<Plan, Failure> {
        let config = config(role, place)?;
        let path = place.folder.join("nginx.conf");
        write(&path, config.as_bytes())?;
        let found = PROGRAMS.into_iter().find(|program| first_line_of(Command::new(program).arg("-v")).is_some());
        let mut command = Command::new(found.unwrap_or("nginx"));
        command.arg("-p").arg(place.folder).arg("-e").arg("stderr").arg("-c").arg(path);
        Ok(Plan { command, config: shown(&config, place.folder) })
    }
}

fn config(role: &Role<'_>, place: &Place<'_>) -> Result<String, Failure> {
    let mut text: String =
        [BROTLI, BROTLI_FILTER].into_iter().filter_map(module).map(|path| format!("load_module {path};\n")).collect();
    if Uid::effective().is_root() {
        // The workers must read the files of whoever runs the suite.
        text.push_str("user root;\n");
    }
    let compressed =
        if module(BROTLI).is_some() { "gzip_static on;\n    brotli_static on;" } else { "gzip_static on;" };
    let (body, upstream) = match role {
        Role::Static(site) => (files(&site.files, compressed, "=404"), None),
        Role::Proxy { upstream } => (PROXY.to_owned(), Some(*upstream)),
        Role::Encode { upstream, coding } => (encode(*coding), Some(*upstream)),
        Role::Fallback { site, upstream } => (with_app(&site.files, compressed), Some(*upstream)),
        Role::App { bundle, upstream: Some(upstream), .. } => {
            (with_app(&bundle.join("static"), compressed), Some(*upstream))
        }
        Role::App { upstream: None, .. } => return Err(Failure::Unfit { peer: "nginx" }),
    };
    text.push_str(&frame(place, &body, upstream));
    Ok(text)
}

/// Everything but the locations.
fn frame(place: &Place<'_>, body: &str, upstream: Option<SocketAddr>) -> String {
    let upstream = upstream.map_or_else(String::new, app);
    let (threads, address) = (place.threads, place.address);
    format!(
        r#"daemon off;
worker_processes {threads};
pid nginx.pid;
events {{
  worker_connections 16384;
}}
http {{
  types {{
    text/html html; text/css css; text/javascript js mjs; text/plain txt; application/json json;
    image/png png; image/jpeg jpg jpeg; image/webp webp; image/avif avif; image/svg+xml svg; image/x-icon ico;
    font/woff2 woff2;
  }}
  default_type application/octet-stream;
  charset utf-8;
  log_format edge '$time_iso8601 $remote_addr "$request" $status $bytes_sent $request_time $request_id';
  access_log access.log edge buffer=64k flush=1s;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 75s;
  keepalive_requests 1000000000;
  open_file_cache max=10000 inactive=60s;
  open_file_cache_errors on;
  server_tokens off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
{upstream}  server {{
    listen {address} backlog=4096;
    add_header X-Request-Id $request_id always;
    location = /.status {{ stub_status; access_log off; }}
    {body}
  }}
}}
"#
    )
}

/// Files; what is not there goes to `missing`.
fn files(folder: &Path, compressed: &str, missing: &str) -> String {
    format!(
        r#"root {};
    {compressed}
    gzip_vary on;
    location / {{
      add_header X-Request-Id $request_id always;
      add_header Cache-Control "public, max-age=0, must-revalidate";
      try_files $uri {missing};
    }}"#,
        folder.display()
    )
}

fn with_app(folder: &Path, compressed: &str) -> String {
    format!("{}\n    location @app {{ proxy_pass http://app; }}", files(folder, compressed, "@app"))
}

/// Everything goes to the upstream; what it streams is passed on as it comes.
const PROXY: &str = "location / { proxy_pass http://app; }
    location = /chunks { proxy_buffering off; proxy_pass http://app; }";

/// The upstream, its connections, and the fields that Edgeplane sends. The buffers are larger than nginx's own, which
/// read an answer in pieces of 4 KB.
fn app(address: SocketAddr) -> String {
    format!(
        "  upstream app {{
    server {address};
    keepalive {UPSTREAM_CONNECTIONS};
    keepalive_requests 1000000000;
  }}
  proxy_http_version 1.1;
  proxy_buffer_size 16k;
  proxy_buffers 8 32k;
  proxy_busy_buffers_size 64k;
  proxy_set_header Host $http_host;
  proxy_set_header Connection \"\";
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Host $http_host;
  proxy_set_header X-Forwarded-Port $server_port;
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header Forwarded \"for=$remote_addr;host=$http_host;proto=$scheme\";
  proxy_set_header X-Request-Id $request_id;
"
    )
}

fn module(name: &str) -> Option<String> {
    MODULES.into_iter().map(|folder| format!("{folder}/{name}")).find(|module| Path::new(module).exists())
}

/// Everything goes to the upstream, and comes back in fewer bytes. The buffers hold the whole page.
fn encode(coding: Coding) -> String {
    let how = match coding {
        Coding::Gzip => format!("gzip on; gzip_proxied any; gzip_comp_level {GZIP_LEVEL}; gzip_buffers 16 8k;"),
        Coding::Brotli => format!("brotli on; brotli_comp_level {BROTLI_LEVEL}; brotli_window 256k;"),
    };
    format!("{how}\n    gzip_vary on;\n    {PROXY}")
}

/// Without the folders of this run.
fn shown(config: &str, folder: &Path) -> String {
    let stage = folder.parent().unwrap_or(folder);
    config.replace(&stage.display().to_string(), "STAGE")
}
