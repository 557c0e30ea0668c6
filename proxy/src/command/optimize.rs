//! `edgeplane optimize`: the image optimizer on a file, under the limits of the settings.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
    time::Instant,
};

use edgeplane_config::Settings;
use edgeplane_optimizer::{Encoded, ImageFormat, Limits, Order, Probe, optimize, probe};

use super::{
    Failure,
    arguments::{self, OptimizeArgs},
    output,
};

/// Reads, optimizes, writes and prints what came of it.
pub(crate) fn run(settings: &Settings, args: &OptimizeArgs) -> Result<(), Failure> {
    let order = Order {
        width: args.width,
        height: args.height,
        fit: args.fit,
        position: args.position,
        format: output_format(args)?,
        quality: args.quality.unwrap_or(settings.image.quality),
    };
    let limits = Limits {
        source_bytes: settings.image.source_bytes_max,
        side: settings.image.side_max,
        output_bytes: settings.image.output_bytes_max,
    };
    let source =
        read(&args.input, limits.source_bytes).map_err(|source| Failure::Read { path: args.input.clone(), source })?;
    let refused = |source| Failure::Image { path: args.input.clone(), source };
    let probe = probe(&source).map_err(refused)?;
    let begun = Instant::now();
    let encoded = optimize(&source, &order, &limits, |_| ()).map_err(refused)?;
    let millis = begun.elapsed().as_millis();
    fs::write(&args.output, &encoded.bytes).map_err(|source| Failure::Write { path: args.output.clone(), source })?;
    output::result(&table(&probe, source.len(), &encoded, millis))
}

/// One byte more than is allowed is enough for the optimizer to refuse.
fn read(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The format named, else the one that the output's name stands for.
fn output_format(args: &OptimizeArgs) -> Result<ImageFormat, Failure> {
    let by_name = || args.output.extension().and_then(|extension| arguments::format(&extension.to_string_lossy()).ok());
    args.format.or_else(by_name).ok_or_else(|| Failure::Usage {
        message: format!("the name `{}` does not say which format to write", args.output.display()),
        help: "end it in .avif, .webp, .jpg or .png, or add --format",
    })
}

fn table(probe: &Probe, source_bytes: usize, encoded: &Encoded, millis: u128) -> String {
    let row = |what: &str, format: &str, width: u32, height: u32, bytes: usize| {
        format!("{what:<4}{format:<6}{:>11}{bytes:>12} bytes", format!("{width}x{height}"))
    };
    let permille = encoded.bytes.len().saturating_mul(1000) / source_bytes.max(1);
    let percent = format!("{}.{}", permille / 10, permille % 10);
    format!(
        "{}\n{}  {percent} %  {millis} ms\n",
        row("in", probe.source_type.extension(), probe.width, probe.height, source_bytes),
        row("out", encoded.format.extension(), encoded.width, encoded.height, encoded.bytes.len()),
    )
}
