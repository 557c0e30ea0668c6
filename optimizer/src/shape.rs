//! From the decoded picture to the one that is encoded, in sharp's order of operations.
//!
//! Upright; then, if it is rotated, mirrored and rotated; trimmed; a part extracted; resized, and mirrored if it was not
//! before; brought into sRGB; padded; and then every edit of `effect`. A mirror without a rotation comes late, as sharp
//! has it: a part to extract is named in the picture as it was.

use crate::{
    Edits, Limits, Millionths, Order, Refusal, Rgb,
    color::{light::Curve, profile::Gamut},
    decode::Decoded,
    effect,
    geometry::{self, Plan},
    orientation::Turn,
    picture::{Picture, Region},
    resize::{self, Curves},
    scale::Scale,
};

/// A picture ready to be encoded.
#[derive(Debug)]
pub(crate) struct Shaped {
    pub(crate) picture: Picture,
    /// What its numbers mean.
    pub(crate) gamut: Gamut,
}

/// Applies everything that an order asks for but the format.
pub(crate) fn shape(decoded: Decoded, order: &Order, limits: &Limits) -> Result<Shaped, Refusal> {
    let Decoded { picture, scale, turn, colors } = decoded;
    let edits = &order.edits;
    let background = edits.background.unwrap_or(Rgb([0; 3]));
    let early = edits.rotate.is_some();
    let (picture, scale, turn, part) = place(picture, scale, turn, edits, background)?;
    let upright = turn.oriented(scale.full);
    let (turn, part) = if early { (turn, part) } else { mirrored(turn, part, upright, edits) };
    let plan = geometry::plan_of(part, order);
    admit(&plan, edits, limits)?;
    let resized = plan.size != (part.width, part.height);
    let mut picture = resized_in_light(picture, scale, turn, &plan, edits);
    let gamut = colors.settle(&mut picture, order.keep_p3);
    if let Some(pad) = plan.pad {
        picture = picture.padded(&pad, background);
    }
    let open = left_open(edits);
    let picture = effect::apply(picture, edits, resized, open.as_ref());
    Ok(Shaped { picture, gamut })
}

/// Which part of which picture is used, and how that one is still to be turned. Only what cannot be said so is done to
/// the pixels here.
fn place(
    picture: Picture,
    scale: Scale,
    turn: Turn,
    edits: &Edits,
    background: Rgb,
) -> Result<(Picture, Scale, Turn, Region), Refusal> {
    let (turn, free) = turned(turn, edits);
    if free.is_none() && edits.trim.is_none() {
        let part = extracted(Region::whole(turn.oriented(scale.full)), edits)?;
        return Ok((picture, scale, turn, part));
    }
    let mut picture = turn.apply(picture);
    if let Some(angle) = free {
        picture = effect::rotate(&picture, angle.value(), background);
    }
    let mut part = Region::whole(picture.size());
    if let Some(threshold) = edits.trim {
        part = effect::trim(&picture, threshold.value());
    }
    let (scale, part) = (Scale::whole(picture.size()), extracted(part, edits)?);
    Ok((picture, scale, Turn::default(), part))
}

/// The size of the part that is used of a picture stored in `full` pixels; nothing where only the pixels can tell, or are
/// themselves moved.
pub(crate) fn part(full: (u32, u32), turn: Turn, edits: &Edits) -> Option<Region> {
    let (turn, free) = turned(turn, edits);
    if free.is_some() || edits.trim.is_some() {
        return None;
    }
    extracted(Region::whole(turn.oriented(full)), edits).ok()
}

/// The turn with what mirrors and quarters of a rotation add to it, and the rotation where it is another one.
fn turned(turn: Turn, edits: &Edits) -> (Turn, Option<Millionths>) {
    let Some(angle) = edits.rotate else { return (turn, None) };
    let turn = mirror(turn, edits);
    quarters(angle).map_or((turn, Some(angle)), |quarters| (turn.quartered(quarters), None))
}

fn extracted(part: Region, edits: &Edits) -> Result<Region, Refusal> {
    edits.extract.map_or(Ok(part), |extract| part.extract(&extract).ok_or(Refusal::ExtractOutside))
}

/// A rotation as quarters of a turn, where it is a whole number of them.
fn quarters(angle: Millionths) -> Option<u32> {
    const QUARTER: u32 = Millionths::whole(90).0;
    angle.0.is_multiple_of(QUARTER).then_some(angle.0 / QUARTER)
}

fn mirror(turn: Turn, edits: &Edits) -> Turn {
    let turn = if edits.flip { turn.flipped() } else { turn };
    if edits.flop { turn.flopped() } else { turn }
}

/// The mirrored turn, and where the part then lies.
fn mirrored(turn: Turn, part: Region, (width, height): (u32, u32), edits: &Edits) -> (Turn, Region) {
    let left = if edits.flop { width - part.left - part.width } else { part.left };
    let top = if edits.flip { height - part.top - part.height } else { part.top };
    (mirror(turn, edits), Region { left, top, ..part })
}

/// Refuses a result whose sides exceed what the limits allow, before it is made.
fn admit(plan: &Plan, edits: &Edits, limits: &Limits) -> Result<(), Refusal> {
    let (width, height) = with_edges(plan, edits);
    if width > limits.side || height > limits.side { Err(Refusal::TooManyPixels(width, height)) } else { Ok(()) }
}

/// The size of what comes out.
pub(crate) fn with_edges(plan: &Plan, edits: &Edits) -> (u32, u32) {
    let (width, height) = plan.result();
    edits.extend.map_or((width, height), |extend| {
        let more = |side: u32, one: u32, other: u32| side.saturating_add(one).saturating_add(other);
        (more(width, extend.left, extend.right), more(height, extend.top, extend.bottom))
    })
}

/// Resizes and turns. Pixels are mixed as light, or as the power of their value that is asked for.
fn resized_in_light(picture: Picture, scale: Scale, turn: Turn, plan: &Plan, edits: &Edits) -> Picture {
    let power = edits.gamma.map(|gamma| Curve::power(gamma.value()));
    let into = power.as_ref().unwrap_or_else(|| Curve::srgb());
    let straight = left_open(edits).map(|_| Curve::straight());
    let out = straight.as_ref().unwrap_or(into);
    let picture = resize::resize(picture, scale, turn, plan, Curves { into, out });
    turn.apply(picture)
}

/// The curve in which pixels stay after the resize, because other edits mix them as well.
fn left_open(edits: &Edits) -> Option<Curve> {
    edits.gamma.filter(|_| effect::mixes(edits)).map(|gamma| Curve::power(gamma.value()))
}
