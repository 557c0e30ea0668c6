//! How much smaller than it is stored a picture is decoded, where its decoder can do that for less.

use crate::{Order, geometry, geometry::Area, orientation::Turn, shape::part};

/// How many times smaller a picture becomes, at least, before its decoder does a part of that.
const SHRUNK_MIN: f64 = 2.0;

/// How many times the wanted size is decoded, at least. The decoder mixes bytes and not light, and cuts off what does not
/// fit its blocks: what is left for the resize hides both. `bench/NOTES.md` has the figures.
const KEPT: f64 = 1.25;

/// Pixels that a source has, at least. What a smaller one saves is less than the fresh worker costs that a server takes
/// after every decoder which is not memory-safe Rust: some 5 ms.
const PIXELS_MIN: u64 = 2_000_000;

/// What the decoder made of the stored pixels: each eight of them, across and down, became `eighths`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scale {
    /// The size as stored.
    pub(crate) full: (u32, u32),
    /// 1 to 8; 8 leaves all as it is.
    pub(crate) eighths: u32,
}

impl Scale {
    /// Every pixel that is stored.
    pub(crate) fn whole(full: (u32, u32)) -> Self {
        Self { full, eighths: 8 }
    }

    /// The smallest that loses nothing which `order` keeps of a picture stored in `full` pixels with such a turn.
    pub(crate) fn wanted(full: (u32, u32), turn: Turn, order: &Order) -> Self {
        let whole = Self::whole(full);
        if u64::from(full.0) * u64::from(full.1) < PIXELS_MIN {
            return whole;
        }
        let Some(part) = part(full, turn, &order.edits) else { return whole };
        let plan = geometry::plan_of(part, order);
        let shrink = (plan.crop.width / f64::from(plan.size.0)).min(plan.crop.height / f64::from(plan.size.1));
        let enough = |eighths: &u32| shrink * f64::from(*eighths) / 8.0 >= KEPT;
        let eighths = if shrink < SHRUNK_MIN { 8 } else { (1..8).find(enough).unwrap_or(8) };
        Self { full, eighths }
    }

    /// Whether, whatever its orientation says, every pixel of such a picture is wanted.
    pub(crate) fn is_always_whole(full: (u32, u32), order: &Order) -> bool {
        [1, 6].iter().all(|orientation| Self::wanted(full, Turn::of_orientation(*orientation), order).is_whole())
    }

    pub(crate) fn is_whole(self) -> bool {
        self.eighths == 8
    }

    /// The size that was decoded. What is left of eight pixels at an edge counts as a pixel.
    pub(crate) fn size(self) -> (u32, u32) {
        let side = |side: u32| (u64::from(side) * u64::from(self.eighths)).div_ceil(8);
        let side = |full: u32| u32::try_from(side(full)).unwrap_or(full);
        (side(self.full.0), side(self.full.1))
    }

    /// Where an area of the stored picture lies in the decoded one.
    pub(crate) fn area(self, area: Area) -> Area {
        let times = |length: f64| length * f64::from(self.eighths) / 8.0;
        Area { left: times(area.left), top: times(area.top), width: times(area.width), height: times(area.height) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_decoded_than_the_resize_wants() {
        let cases = [
            // stored, orientation, sides, edits, eighths
            ((4000, 3000), 1, "width=4000", "", 8),
            ((4000, 3000), 1, "width=2600", "", 8),
            ((4000, 3000), 1, "width=2000", "", 5),
            ((4000, 3000), 1, "width=2001", "", 8),
            ((4000, 3000), 1, "width=1080", "", 3),
            ((4000, 3000), 1, "width=640", "", 2),
            ((4000, 3000), 1, "width=16", "", 1),
            ((4000, 3000), 6, "width=640", "", 3),
            ((4000, 3000), 1, "width=640,height=640", "", 3),
            ((4000, 3000), 1, "width=64", ",extract=0_0_256_256", 3),
            ((4000, 3000), 1, "width=64", ",rotate=90", 1),
            ((4000, 3000), 1, "width=64", ",rotate=91", 8),
            ((4000, 3000), 1, "width=64", ",trim=1", 8),
            ((9_000_000, 1), 1, "width=10", "", 8),
            ((1600, 1249), 1, "width=64", "", 8),
            ((1600, 1250), 1, "width=64", "", 1),
        ];
        for (full, orientation, sides, edits, eighths) in cases {
            let order = format!("{sides},fit=cover,position=center,format=png,quality=75{edits}").parse().unwrap();
            let scale = Scale::wanted(full, Turn::of_orientation(orientation), &order);
            assert_eq!(scale.eighths, eighths, "{full:?} {sides}{edits}");
        }
    }

    #[test]
    fn the_orientation_may_decide_whether_all_is_wanted() {
        let order = "height=1800,fit=contain,position=center,format=png,quality=75".parse().unwrap();
        assert!(Scale::wanted((4000, 3000), Turn::of_orientation(1), &order).is_whole());
        assert!(!Scale::wanted((4000, 3000), Turn::of_orientation(6), &order).is_whole());
        assert!(!Scale::is_always_whole((4000, 3000), &order));
        assert!(Scale::is_always_whole((400, 300), &order));
    }

    #[test]
    fn a_part_of_eight_pixels_is_a_pixel() {
        let scale = |full, eighths| Scale { full, eighths }.size();
        assert_eq!(scale((4001, 3), 4), (2001, 2));
        assert_eq!(scale((1, 65_535), 1), (1, 8192));
        assert_eq!(scale((7, 9), 8), (7, 9));
    }
}
