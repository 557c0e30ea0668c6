//! How an order's box becomes a crop, a size and a padding: sharp's rules, with its `withoutEnlargement` always on.

use crate::{
    Fit, Order, Position,
    picture::{Pad, Region},
};

/// A rectangle in pixels, not empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Area {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// What to do with an upright picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plan {
    /// The part of the picture that is used, in its own pixels.
    pub(crate) crop: Area,
    /// The size that part gets.
    pub(crate) size: (u32, u32),
    /// Where the result then lies.
    pub(crate) pad: Option<Pad>,
}

impl Plan {
    /// The size of what comes out, before anything is added at its edges.
    pub(crate) fn result(&self) -> (u32, u32) {
        self.pad.map_or(self.size, |pad| (pad.width, pad.height))
    }

    /// Whether a picture of `size` comes out as it was.
    pub(crate) fn keeps(&self, (width, height): (u32, u32)) -> bool {
        let whole = Area { left: 0.0, top: 0.0, width: f64::from(width), height: f64::from(height) };
        self.size == (width, height) && self.crop == whole && self.pad.is_none()
    }
}

/// Plans the way from a part of an upright picture to `order`'s box.
pub(crate) fn plan_of(part: Region, order: &Order) -> Plan {
    let mut plan = plan((part.width, part.height), order);
    plan.crop.left += f64::from(part.left);
    plan.crop.top += f64::from(part.top);
    plan
}

/// Plans the way from an upright picture of `source` pixels to `order`'s box.
///
/// With one side or none the ratio is kept, whatever `fit` says: that is how AWS describes an absent height.
pub(crate) fn plan(source: (u32, u32), order: &Order) -> Plan {
    let (width, height) = (f64::from(source.0), f64::from(source.1));
    let whole = Area { left: 0.0, top: 0.0, width, height };
    // How many times smaller each axis gets; never below 1, which would enlarge.
    let axis = |wanted: Option<u32>, side: f64| wanted.map(|wanted| (side / f64::from(wanted.max(1))).max(1.0));
    let (across, down) = (axis(order.width, width), axis(order.height, height));
    let (Some(across), Some(down), Some(box_width), Some(box_height)) = (across, down, order.width, order.height)
    else {
        let shrink = across.or(down).unwrap_or(1.0);
        return Plan { crop: whole, size: (shrunk(width, shrink), shrunk(height, shrink)), pad: None };
    };
    match order.fit {
        Fit::Fill => Plan { crop: whole, size: (shrunk(width, across), shrunk(height, down)), pad: None },
        Fit::Inside | Fit::Contain => {
            let shrink = across.max(down);
            let size = (shrunk(width, shrink), shrunk(height, shrink));
            let pad = (order.fit == Fit::Contain && size != (box_width, box_height))
                .then(|| place(size, (box_width.max(size.0), box_height.max(size.1)), order.position));
            Plan { crop: whole, size, pad }
        }
        Fit::Outside | Fit::Cover => {
            let shrink = across.min(down);
            let size = (shrunk(width, shrink), shrunk(height, shrink));
            if order.fit == Fit::Outside {
                return Plan { crop: whole, size, pad: None };
            }
            let kept = (size.0.min(box_width.max(1)), size.1.min(box_height.max(1)));
            Plan { crop: cut(whole, size, kept, order.position), size: kept, pad: None }
        }
    }
}

/// The nearest whole number of pixels, and at least one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a quotient of u32 by 1 or more fits u32")]
fn shrunk(side: f64, shrink: f64) -> u32 {
    (side / shrink).round().max(1.0) as u32
}

/// The part of `whole` that shows in a window of `kept` pixels on the picture shrunk to `size`.
fn cut(whole: Area, size: (u32, u32), kept: (u32, u32), position: Position) -> Area {
    let over = (size.0 - kept.0, size.1 - kept.1);
    // Half of an odd overhang is rounded up, as in sharp.
    let (left, top) = match position {
        Position::Center => (over.0.div_ceil(2), over.1.div_ceil(2)),
        Position::Top => (over.0.div_ceil(2), 0),
        Position::Right => (over.0, over.1.div_ceil(2)),
        Position::Bottom => (over.0.div_ceil(2), over.1),
        Position::Left => (0, over.1.div_ceil(2)),
    };
    let (per_x, per_y) = (whole.width / f64::from(size.0), whole.height / f64::from(size.1));
    Area {
        left: f64::from(left) * per_x,
        top: f64::from(top) * per_y,
        width: f64::from(kept.0) * per_x,
        height: f64::from(kept.1) * per_y,
    }
}

/// Where a picture of `size` lies in a box that holds it.
fn place(size: (u32, u32), whole: (u32, u32), position: Position) -> Pad {
    let free = (whole.0 - size.0, whole.1 - size.1);
    let (left, top) = match position {
        Position::Center => (free.0 / 2, free.1 / 2),
        Position::Top => (free.0 / 2, 0),
        Position::Right => (free.0, free.1 / 2),
        Position::Bottom => (free.0 / 2, free.1),
        Position::Left => (0, free.1 / 2),
    };
    Pad { left, top, width: whole.0, height: whole.1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ImageFormat;

    fn order(width: Option<u32>, height: Option<u32>, fit: Fit, position: Position) -> Order {
        Order {
            width,
            height,
            fit,
            position,
            format: ImageFormat::Png,
            quality: 75,
            keep_p3: false,
            edits: crate::Edits::default(),
        }
    }

    /// The final size: of the padding where there is one.
    fn size(source: (u32, u32), width: Option<u32>, height: Option<u32>, fit: Fit) -> (u32, u32) {
        plan(source, &order(width, height, fit, Position::Center)).result()
    }

    #[test]
    fn sizes_follow_sharp_without_enlargement() {
        let cases = [
            // source, width, height, fit, result
            ((100, 50), Some(64), None, Fit::Cover, (64, 32)),
            ((100, 50), Some(640), None, Fit::Cover, (100, 50)),
            ((100, 50), None, Some(25), Fit::Fill, (50, 25)),
            ((100, 50), None, None, Fit::Cover, (100, 50)),
            ((100, 50), Some(40), Some(40), Fit::Cover, (40, 40)),
            ((100, 50), Some(40), Some(400), Fit::Cover, (40, 50)),
            ((100, 50), Some(400), Some(400), Fit::Cover, (100, 50)),
            ((100, 50), Some(40), Some(40), Fit::Contain, (40, 40)),
            ((100, 50), Some(200), Some(200), Fit::Contain, (200, 200)),
            ((100, 50), Some(40), Some(40), Fit::Fill, (40, 40)),
            ((100, 50), Some(40), Some(400), Fit::Fill, (40, 50)),
            ((100, 50), Some(40), Some(40), Fit::Inside, (40, 20)),
            ((100, 50), Some(40), Some(40), Fit::Outside, (80, 40)),
            ((100, 50), Some(40), Some(400), Fit::Outside, (100, 50)),
            ((9000, 1), Some(10), None, Fit::Cover, (10, 1)),
        ];
        for (source, width, height, fit, expected) in cases {
            assert_eq!(size(source, width, height, fit), expected, "{source:?} {width:?}x{height:?} {fit:?}");
        }
    }

    #[test]
    fn position_chooses_what_stays_when_cropping() {
        let left = |position| plan((100, 50), &order(Some(50), Some(50), Fit::Cover, position)).crop.left;
        assert_eq!(left(Position::Left).to_bits(), 0f64.to_bits());
        assert_eq!(left(Position::Center).to_bits(), 25f64.to_bits());
        assert_eq!(left(Position::Right).to_bits(), 50f64.to_bits());
        let top = |position| plan((50, 100), &order(Some(50), Some(50), Fit::Cover, position)).crop.top;
        assert_eq!(top(Position::Top).to_bits(), 0f64.to_bits());
        assert_eq!(top(Position::Bottom).to_bits(), 50f64.to_bits());
    }

    #[test]
    fn position_chooses_where_the_picture_lies_when_padding() {
        let pad = |position| plan((100, 50), &order(Some(40), Some(40), Fit::Contain, position)).pad;
        assert_eq!(pad(Position::Top), Some(Pad { left: 0, top: 0, width: 40, height: 40 }));
        assert_eq!(pad(Position::Center), Some(Pad { left: 0, top: 10, width: 40, height: 40 }));
        assert_eq!(pad(Position::Bottom), Some(Pad { left: 0, top: 20, width: 40, height: 40 }));
    }

    #[test]
    fn a_crop_lies_within_its_picture() {
        for (width, height) in [(1, 1), (3, 7), (33, 9000), (640, 427)] {
            for (wanted, tall) in [(1, 1), (2, 5), (640, 3), (31, 9000)] {
                let crop = plan((width, height), &order(Some(wanted), Some(tall), Fit::Cover, Position::Right)).crop;
                assert!(crop.left + crop.width <= f64::from(width) + 1e-9, "{crop:?} in {width}x{height}");
                assert!(crop.top + crop.height <= f64::from(height) + 1e-9, "{crop:?} in {width}x{height}");
            }
        }
    }
}
