//! Servers that many tests ask and none disturbs: one per bundle and run.

use std::sync::OnceLock;

use super::{
    bundle::{self, Draft},
    node,
    server::{Launch, Server},
};

macro_rules! shared {
    ($($(#[$doc:meta])* $name:ident => $launch:expr;)*) => {
        $($(#[$doc])* pub(crate) fn $name() -> &'static Server {
            static SERVER: OnceLock<Server> = OnceLock::new();
            SERVER.get_or_init(|| $launch.start())
        })*
    };
}

shared! {
    /// The Nuxt app.
    nuxt => Launch::new(&bundle::built("nuxt3")).setting("image.avif-wait", "unlimited").setting("image.timeout", "2m");
    /// The Nuxt app below `/base-path/`.
    nuxt_base => Launch::new(&bundle::built("nuxt3-base"));
    /// What `nuxt generate` makes of it: files only. The Node named here does not exist, so it starts none.
    nuxt_generated => Launch::new(&bundle::built("nuxt3-generate")).setting("compute.node", "/nowhere/node");
    /// The Nitro app.
    nitro => Launch::new(&bundle::built("nitro2"));
    /// The Nitro app with every option of its preset.
    nitro_variant => Launch::new(&bundle::built("nitro2-variant"));
    /// The Astro app.
    astro => Launch::new(&bundle::built("astro7")).setting("compute.node", node::v22());
    /// The SvelteKit app.
    svelte => Launch::new(&bundle::built("sveltekit2")).setting("compute.node", node::v22());
    /// The SvelteKit app with precompressed files.
    svelte_precompressed => Launch::new(&bundle::built("sveltekit2-precompress")).setting("compute.node", node::v22());
    /// The hand-written server behind the usual routes.
    handmade => Launch::new(&Draft::usual().file("hello.txt", "hello from a file\n").file("assets/a.js", "let a = 1;\n".repeat(400)).write());
}
