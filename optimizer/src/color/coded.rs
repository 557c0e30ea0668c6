//! Colours that a file names by numbers (ITU-T H.273), as AVIF and PNG do.

use moxcms::{CicpColorPrimaries, CicpProfile, ColorProfile, MatrixCoefficients, TransferCharacteristics};

/// Primaries and tone curve by their numbers in H.273, tables 2 and 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) primaries: u16,
    pub(crate) transfer: u16,
}

/// The number that says nothing, in every table.
pub(crate) const UNSPECIFIED: u16 = 2;
/// The primaries of sRGB, of BT.2020 and of Display P3.
const BT709: u16 = 1;
const BT2020: u16 = 9;
const DISPLAY_P3: u16 = 12;

impl Code {
    /// What holds where nothing is said.
    pub(crate) const UNKNOWN: Self = Self { primaries: UNSPECIFIED, transfer: UNSPECIFIED };
    /// sRGB itself.
    pub(crate) const SRGB: Self = Self { primaries: BT709, transfer: 13 };

    /// Whether numbers stand for light far above a page's white (PQ and HLG). To show it on an ordinary screen is to
    /// choose what of it is lost, which nobody has asked us to do.
    pub(crate) fn is_high_range(self) -> bool {
        matches!(self.transfer, 16 | 18)
    }

    /// The profile that says the same; none where that is sRGB, or nothing at all.
    pub(super) fn profile(self) -> Option<ColorProfile> {
        let (color_primaries, transfer_characteristics) = (self.primaries(), self.curve());
        if (color_primaries, transfer_characteristics) == (CicpColorPrimaries::Bt709, TransferCharacteristics::Srgb) {
            return None;
        }
        let mut profile = ColorProfile::new_from_cicp(CicpProfile {
            color_primaries,
            transfer_characteristics,
            // The samples are red, green and blue by now.
            matrix_coefficients: MatrixCoefficients::Identity,
            full_range: true,
        });
        profile.cicp = None;
        profile.red_trc.is_some().then_some(profile)
    }

    /// XYZ's own primaries (10) are for masters of cinemas, and count as unknown, too.
    fn primaries(self) -> CicpColorPrimaries {
        use CicpColorPrimaries::{Bt709, Reserved, Unspecified, Xyz};
        let known = u8::try_from(self.primaries).ok().and_then(|number| CicpColorPrimaries::try_from(number).ok());
        known.filter(|known| !matches!(known, Reserved | Unspecified | Xyz)).unwrap_or(Bt709)
    }

    /// The curve. BT.709, BT.601, BT.2020 and their like (xvYCC, BT.1361) tell what a camera did to light so that it looks
    /// right on a screen; the screen's own curve is near that of sRGB, and that is what browsers show them by.
    fn curve(self) -> TransferCharacteristics {
        match self.transfer {
            4 => TransferCharacteristics::Bt470M,
            5 => TransferCharacteristics::Bt470Bg,
            7 => TransferCharacteristics::Smpte240,
            8 => TransferCharacteristics::Linear,
            9 => TransferCharacteristics::Log100,
            10 => TransferCharacteristics::Log100sqrt10,
            17 => TransferCharacteristics::Smpte428,
            _ => TransferCharacteristics::Srgb,
        }
    }

    /// The shares of red and of blue in a luma that is derived from the primaries (H.273, matrix 12). Only of those that
    /// pictures have.
    pub(crate) fn shares(self) -> Option<(f32, f32)> {
        match self.primaries {
            BT709 | UNSPECIFIED => Some((0.2126, 0.0722)),
            BT2020 => Some((0.2627, 0.0593)),
            DISPLAY_P3 => Some((0.228_97, 0.079_29)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_srgb_or_said_by_nobody_needs_no_profile() {
        for (primaries, transfer) in [(1, 13), (2, 2), (1, 1), (1, 6), (1, 14), (2, 15), (0, 0), (300, 999), (10, 19)] {
            assert!(Code { primaries, transfer }.profile().is_none(), "{primaries} {transfer}");
        }
    }

    #[test]
    fn every_other_number_has_a_profile() {
        for primaries in [4, 5, 6, 7, 8, 9, 11, 12, 22] {
            assert!(Code { primaries, transfer: 13 }.profile().is_some(), "{primaries}");
        }
        for transfer in [4, 5, 7, 8, 9, 10, 17] {
            assert!(Code { primaries: 1, transfer }.profile().is_some(), "{transfer}");
        }
    }

    #[test]
    fn derived_shares_are_the_luminance_of_their_primaries() {
        for primaries in [1, 9, 12] {
            let code = Code { primaries, transfer: 8 };
            // In linear light the luminance of pure red, over that of white, is the share of red.
            let shares = code.shares().expect("known");
            let primaries = moxcms::ColorPrimaries::try_from(code.primaries()).expect("known");
            let matrix = primaries.transform_to_xyz(moxcms::Chromaticity::D65);
            let [red, _, blue] = matrix.v[1];
            assert!((red - shares.0).abs() < 5e-4 && (blue - shares.1).abs() < 5e-4, "{red} {blue}");
        }
        assert_eq!(Code { primaries: 10, transfer: 8 }.shares(), None);
    }
}
