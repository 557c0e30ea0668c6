//! libaom: one still picture in, one AV1 stream out.
#![expect(unsafe_code, reason = "libaom is in C; each block has its argument")]

use std::{
    ffi::{CStr, CString},
    mem::MaybeUninit,
    ptr, slice,
};

use libaom_sys::{
    AOM_CICP_CP_BT_709, AOM_CICP_CP_SMPTE_432, AOM_CICP_MC_BT_601, AOM_CICP_TC_SRGB, AOM_CODEC_CX_FRAME_PKT,
    AOM_CODEC_OK, AOM_CR_FULL_RANGE, AOM_CSP_UNKNOWN, AOM_ENCODER_ABI_VERSION, AOM_IMG_FMT_I420, AOM_IMG_FMT_I444,
    AOM_Q, AOM_USAGE_ALL_INTRA, AV1E_SET_COLOR_RANGE, aom_codec_av1_cx, aom_codec_control, aom_codec_ctx_t,
    aom_codec_cx_pkt_t, aom_codec_destroy, aom_codec_enc_cfg_t, aom_codec_enc_config_default, aom_codec_enc_init_ver,
    aom_codec_encode, aom_codec_err_t, aom_codec_get_cx_data, aom_codec_set_option, aom_image_t,
};

use crate::{Refusal, color::profile::Gamut, encode::planes::Plane};

/// An option of the encoder and its value, as its command line names them.
pub(in crate::encode) type Setting<'a> = (&'a CStr, &'a CStr);

/// How the colours are coded (ITU-T H.273), said in the stream as in the container.
const CODING: [Setting<'static>; 2] = [(c"transfer-characteristics", c"srgb"), (c"matrix-coefficients", c"bt601")];

/// Pixels on one side that an AV1 stream can say (AV1 5.5.1).
const SIDE_MAX: usize = 65_536;

/// Codes planes of 8 bits in full range and of one size: one (light alone) or three (4:4:4).
///
/// `level` is the quantizer, 0 (finest) to 63.
pub(in crate::encode) fn encode(
    planes: &[&Plane],
    gamut: Gamut,
    level: u8,
    settings: &[Setting<'_>],
) -> Result<Vec<u8>, Refusal> {
    let (number, name) = match gamut {
        Gamut::Srgb => (AOM_CICP_CP_BT_709, c"bt709"),
        Gamut::DisplayP3 => (AOM_CICP_CP_SMPTE_432, c"smpte432"),
    };
    let image = aom_image_t { cp: number, ..image(planes)? };
    let mut encoder = Encoder::start(&image)?;
    let level = CString::new(level.to_string()).map_err(|_| Refusal::Encode)?;
    encoder.set((c"cq-level", &level))?;
    encoder.set((c"color-primaries", name))?;
    for setting in CODING.iter().chain(settings) {
        encoder.set(*setting)?;
    }
    encoder.set_full_range()?;
    encoder.encode(&image)
}

/// libaom's view of the planes. It lives no longer than they do, because both callers hold them.
fn image(planes: &[&Plane]) -> Result<aom_image_t, Refusal> {
    let (luma, chroma) = planes.split_first().ok_or(Refusal::Encode)?;
    let (width, height) = (luma.width, luma.height);
    let fits = |plane: &&Plane| (plane.width, plane.height, plane.samples.len()) == (width, height, width * height);
    let sized = width.min(height) > 0 && width.max(height) <= SIDE_MAX;
    if !sized || !matches!(chroma.len(), 0 | 2) || !planes.iter().all(fits) {
        return Err(Refusal::Encode);
    }
    // SAFETY: the structure is made of numbers, null pointers and C enums that have a variant of value 0.
    let mut image: aom_image_t = unsafe { MaybeUninit::zeroed().assume_init() };
    let (width, height) = (side(width)?, side(height)?);
    // A picture of light alone has the form of 4:2:0 (AV1 6.4.2), though there is nothing to be halved.
    let halved = chroma.is_empty();
    image.fmt = if halved { AOM_IMG_FMT_I420 } else { AOM_IMG_FMT_I444 };
    image.tc = AOM_CICP_TC_SRGB;
    image.mc = AOM_CICP_MC_BT_601;
    image.csp = AOM_CSP_UNKNOWN;
    image.range = AOM_CR_FULL_RANGE;
    image.monochrome = i32::from(halved);
    image.bit_depth = 8;
    image.bps = if halved { 12 } else { 24 };
    (image.w, image.h, image.d_w, image.d_h) = (width, height, width, height);
    (image.x_chroma_shift, image.y_chroma_shift) = (u32::from(halved), u32::from(halved));
    for (index, plane) in planes.iter().enumerate() {
        // The pointers are never written through: the encoder copies the image into its own frame.
        image.planes[index] = plane.samples.as_ptr().cast_mut();
        image.stride[index] = i32::try_from(plane.width).map_err(|_| Refusal::Encode)?;
    }
    Ok(image)
}

fn side(pixels: usize) -> Result<u32, Refusal> {
    u32::try_from(pixels).map_err(|_| Refusal::Encode)
}

/// An encoder that was started and is always ended.
struct Encoder(aom_codec_ctx_t);

impl Encoder {
    fn start(image: &aom_image_t) -> Result<Self, Refusal> {
        // SAFETY: gives a pointer to a constant of the library.
        let interface = unsafe { aom_codec_av1_cx() };
        let mut config = MaybeUninit::<aom_codec_enc_cfg_t>::zeroed();
        // SAFETY: the interface is the library's own, and `config` is room for what is written there.
        let told = unsafe { aom_codec_enc_config_default(interface, config.as_mut_ptr(), AOM_USAGE_ALL_INTRA) };
        done(told)?;
        // SAFETY: the call above filled it.
        let mut config = unsafe { config.assume_init() };
        (config.g_w, config.g_h) = (image.d_w, image.d_h);
        config.g_threads = 1;
        config.g_limit = 1;
        config.g_lag_in_frames = 0;
        config.rc_end_usage = AOM_Q;
        // The profile that knows 4:4:4, and the one for everything less (AV1 A.2).
        config.g_profile = u32::from(image.monochrome == 0);
        config.monochrome = u32::try_from(image.monochrome).map_err(|_| Refusal::Encode)?;
        let mut context = MaybeUninit::<aom_codec_ctx_t>::zeroed();
        let version = i32::try_from(AOM_ENCODER_ABI_VERSION).map_err(|_| Refusal::Encode)?;
        // SAFETY: all three outlive the call, which copies the configuration and keeps no pointer to any of them.
        let told = unsafe { aom_codec_enc_init_ver(context.as_mut_ptr(), interface, &raw const config, 0, version) };
        done(told)?;
        // SAFETY: the call above filled it.
        Ok(Self(unsafe { context.assume_init() }))
    }

    fn set(&mut self, (name, value): Setting<'_>) -> Result<(), Refusal> {
        // SAFETY: the context was started and not ended; both strings end with a zero and are copied.
        done(unsafe { aom_codec_set_option(&raw mut self.0, name.as_ptr(), value.as_ptr()) })
    }

    fn set_full_range(&mut self) -> Result<(), Refusal> {
        let control = i32::try_from(AV1E_SET_COLOR_RANGE).map_err(|_| Refusal::Encode)?;
        // SAFETY: the context was started, and this control takes one number.
        done(unsafe { aom_codec_control(&raw mut self.0, control, AOM_CR_FULL_RANGE) })
    }

    fn encode(&mut self, image: &aom_image_t) -> Result<Vec<u8>, Refusal> {
        let mut stream = Vec::new();
        // The picture, and then nothing: that is how the encoder is told to give out what it holds.
        for image in [ptr::from_ref(image), ptr::null()] {
            // SAFETY: the context was started; the image's planes are as large as `image` has checked and are alive,
            // since they are borrowed by our caller.
            done(unsafe { aom_codec_encode(&raw mut self.0, image, 0, 1, 0) })?;
            self.collect(&mut stream);
        }
        if stream.is_empty() { Err(Refusal::Encode) } else { Ok(stream) }
    }

    fn collect(&mut self, stream: &mut Vec<u8>) {
        let mut position = ptr::null();
        loop {
            // SAFETY: the context was started, and `position` is null or what the last call made of it.
            let packet: *const aom_codec_cx_pkt_t =
                unsafe { aom_codec_get_cx_data(&raw mut self.0, &raw mut position) };
            // SAFETY: null, or a packet that stays until the next call for this context.
            let Some(packet) = (unsafe { packet.as_ref() }) else { return };
            if packet.kind == AOM_CODEC_CX_FRAME_PKT {
                // SAFETY: the kind says which member of the union was written.
                let frame = unsafe { packet.data.frame };
                // SAFETY: `sz` bytes from `buf` on belong to the packet.
                stream.extend_from_slice(unsafe { slice::from_raw_parts(frame.buf.cast::<u8>(), frame.sz) });
            }
        }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: the context was started, and nothing uses it after this.
        let _ = unsafe { aom_codec_destroy(&raw mut self.0) };
    }
}

fn done(told: aom_codec_err_t) -> Result<(), Refusal> {
    if told == AOM_CODEC_OK { Ok(()) } else { Err(Refusal::Encode) }
}
