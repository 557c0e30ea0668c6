//! `edgeplane optimize`: the image optimizer on a file, under the limits of the settings.

mod job;
mod page;
mod table;

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use edgeplane_config::Settings;
use edgeplane_optimizer::{Edits, ImageFormat, Limits, Order, Reference, probe};

use super::{
    Failure,
    arguments::{self, OptimizeArgs},
    output,
};
use crate::image::edits_alone;
use job::{Made, Source};
use table::Sheet;

/// The quality of the picture that the others are held against: nothing lost but by the resize they share.
const LOSSLESS: u8 = 100;

/// Reads, optimizes, writes and prints what came of it.
pub(crate) fn run(settings: &Settings, args: &OptimizeArgs) -> Result<(), Failure> {
    let limits = Limits {
        source_bytes: settings.image.source_bytes_max,
        side: settings.image.side_max,
        output_bytes: settings.image.output_bytes_max,
        native: false,
    };
    let order = Order {
        width: args.width,
        height: args.height,
        fit: args.fit,
        position: args.position,
        format: output_format(args)?,
        quality: args.quality.unwrap_or(settings.image.quality),
        keep_p3: settings.image.keep_p3,
        edits: edits(args, limits.side)?,
    };
    let bytes =
        read(&args.input, limits.source_bytes).map_err(|source| Failure::Read { path: args.input.clone(), source })?;
    let refused = |source| Failure::Image { path: args.input.clone(), source };
    let probe = probe(&bytes).map_err(refused)?;
    let source = Source { path: &args.input, bytes: &bytes, probe, tuning: &settings.image };
    let mut text = String::new();
    if let Some(path) = &args.output {
        let made = source.make(&order, &limits)?;
        write(path, &made.encoded.bytes)?;
        text = Sheet { source: &source, made: vec![made] }.text();
    }
    if let Some(path) = &args.compare {
        // The reference may be larger than what a server would answer.
        let lossless = Order { format: ImageFormat::Png, quality: LOSSLESS, ..order.clone() };
        let lossless = source.make(&lossless, &Limits { output_bytes: usize::MAX, ..limits })?;
        // What is scored was made here.
        let ours = Limits { native: true, ..limits };
        let reference = Reference::read(&lossless.encoded.bytes, &ours).map_err(refused)?;
        let variant = |format| -> Result<Made, Failure> {
            let mut made = source.make(&Order { format, ..order.clone() }, &limits)?;
            made.score = reference.score(&made.encoded.bytes, &ours).ok();
            Ok(made)
        };
        let made = ImageFormat::ALL.into_iter().map(variant).collect::<Result<_, _>>()?;
        let sheet = Sheet { source: &source, made };
        write(path, page::render(&order, &sheet, &lossless).as_bytes())?;
        text = sheet.text();
    }
    output::result(&text)
}

/// The edits that are asked for, in the words of an image URL.
fn edits(args: &OptimizeArgs, side_max: u32) -> Result<Edits, Failure> {
    let read = args.edits.as_deref().map(|text| edits_alone(text, side_max)).transpose();
    read.map(Option::unwrap_or_default).map_err(|wrong| Failure::Usage {
        message: format!("--edits: {wrong}"),
        help: "write edits as an image URL has them, such as 'rotate=90&blur=2.5'",
    })
}

/// One byte more than is allowed is enough for the optimizer to refuse.
fn read(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(path, bytes).map_err(|source| Failure::Write { path: path.into(), source })
}

/// The format named, else the one that the output's name stands for. A comparison shows them all.
fn output_format(args: &OptimizeArgs) -> Result<ImageFormat, Failure> {
    let Some(output) = &args.output else { return Ok(ImageFormat::Png) };
    let by_name = || output.extension().and_then(|extension| arguments::format(&extension.to_string_lossy()).ok());
    args.format.or_else(by_name).ok_or_else(|| Failure::Usage {
        message: format!("the name `{}` does not say which format to write", output.display()),
        help: "end it in .avif, .webp, .jpg or .png, or add --format",
    })
}
