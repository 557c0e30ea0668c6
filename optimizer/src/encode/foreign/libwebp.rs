//! libwebp's lossy encoder: planes or RGBA in, a WebP file out.
#![expect(unsafe_code, reason = "libwebp is in C; each block has its argument")]

use std::{
    ffi::{c_int, c_void},
    slice,
};

use libwebp_sys::{WebPConfig, WebPEncode, WebPPicture, WebPPictureFree, WebPPictureImportRGBA};

use crate::{Refusal, encode::halved::Halved, picture::Picture};

/// Pixels on one side that the format can hold (RFC 9649 1).
const SIDE_MAX: u32 = 16_383;

/// What libwebp is told beside the picture. The rest is as it is by default.
#[derive(Clone, Copy, Debug)]
pub(in crate::encode) struct Effort {
    /// 0 to 100.
    pub(in crate::encode) quality: f32,
    /// 0 to 6.
    pub(in crate::encode) method: c_int,
    /// 0 to 100.
    pub(in crate::encode) filter_strength: c_int,
    /// 0 to 7.
    pub(in crate::encode) filter_sharpness: c_int,
    /// 0 to 100.
    pub(in crate::encode) noise_shaping: c_int,
}

/// Codes an opaque picture.
pub(in crate::encode) fn opaque(mut halved: Halved, effort: &Effort) -> Result<Vec<u8>, Refusal> {
    let mut encoder = Encoder::new(side(halved.width)?, side(halved.height)?)?;
    let stride = halved.width.div_ceil(2);
    let rows = halved.height.div_ceil(2);
    if halved.luma.len() != halved.width * halved.height
        || halved.differences.iter().any(|plane| plane.len() != stride * rows)
    {
        return Err(Refusal::Encode);
    }
    let [blue, red] = &mut halved.differences;
    let picture = &mut encoder.0;
    (picture.y, picture.y_stride) = (halved.luma.as_mut_ptr(), picture.width);
    (picture.u, picture.v, picture.uv_stride) = (blue.as_mut_ptr(), red.as_mut_ptr(), side(stride)?);
    // SAFETY: the planes are as long as the strides and sides say, and `halved` holds them until this returns.
    unsafe { encoder.run(effort) }
}

/// Codes a picture with alpha, which libwebp takes apart itself: colours count as much as they are seen.
pub(in crate::encode) fn transparent(picture: &Picture, effort: &Effort) -> Result<Vec<u8>, Refusal> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let mut encoder = Encoder::new(side(width)?, side(height)?)?;
    if picture.pixels.len() != width * height * 4 {
        return Err(Refusal::Encode);
    }
    let line = side(width)? * 4;
    // SAFETY: initialized; `height` rows of `line` bytes are read, which is all of `pixels`.
    if unsafe { WebPPictureImportRGBA(&raw mut encoder.0, picture.pixels.as_ptr(), line) } == 0 {
        return Err(Refusal::Encode);
    }
    // SAFETY: importing has made the planes, which live until the encoder is dropped.
    unsafe { encoder.run(effort) }
}

fn side(pixels: usize) -> Result<c_int, Refusal> {
    let fits = (1..=SIDE_MAX as usize).contains(&pixels);
    c_int::try_from(pixels).ok().filter(|_| fits).ok_or(Refusal::Encode)
}

/// libwebp's view of a picture.
struct Encoder(WebPPicture);

impl Encoder {
    fn new(width: c_int, height: c_int) -> Result<Self, Refusal> {
        let mut picture = WebPPicture::new().map_err(|()| Refusal::Encode)?;
        (picture.width, picture.height) = (width, height);
        Ok(Self(picture))
    }

    /// # Safety
    /// The picture's planes must be as long as its sides and strides say.
    unsafe fn run(mut self, effort: &Effort) -> Result<Vec<u8>, Refusal> {
        let mut config = WebPConfig::new().map_err(|()| Refusal::Encode)?;
        config.quality = effort.quality;
        config.method = effort.method;
        config.filter_strength = effort.filter_strength;
        config.filter_sharpness = effort.filter_sharpness;
        config.sns_strength = effort.noise_shaping;
        let mut written: Vec<u8> = Vec::new();
        self.0.writer = Some(append);
        self.0.custom_ptr = (&raw mut written).cast();
        // SAFETY: both are initialized, the planes are what our caller says, and `append` finds a vector that nobody else
        // uses until this returns.
        let done = unsafe { WebPEncode(&raw const config, &raw mut self.0) } != 0;
        if done { Ok(written) } else { Err(Refusal::Encode) }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: initialized; frees what libwebp itself allocated for it, and never planes that it was given.
        unsafe { WebPPictureFree(&raw mut self.0) };
    }
}

/// Called with each piece of the file. 0 makes libwebp give up.
unsafe extern "C" fn append(piece: *const u8, length: usize, picture: *const WebPPicture) -> c_int {
    // SAFETY: libwebp passes on the picture that it was given.
    let written: *mut c_void = unsafe { (*picture).custom_ptr };
    // SAFETY: `run` has put a vector there that lives until libwebp returns, and nobody else holds it meanwhile.
    let written = unsafe { &mut *written.cast::<Vec<u8>>() };
    if length == 0 {
        return 1;
    }
    if written.try_reserve(length).is_err() {
        return 0;
    }
    // SAFETY: that many bytes from there on are libwebp's and stay as they are during this call.
    written.extend_from_slice(unsafe { slice::from_raw_parts(piece, length) });
    1
}
