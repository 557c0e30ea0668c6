//! libjpeg's scaled decoding: a JPEG in, RGB of fewer pixels out, without the others ever having been made.
#![expect(unsafe_code, reason = "libjpeg is in C; each block has its argument")]

use std::{
    ffi::{c_int, c_long, c_ulong},
    mem::MaybeUninit,
    panic::{self, AssertUnwindSafe},
};

use mozjpeg_sys::{
    J_COLOR_SPACE, J_DCT_METHOD, jpeg_calc_output_dimensions, jpeg_common_struct, jpeg_create_decompress,
    jpeg_decompress_struct, jpeg_destroy_decompress, jpeg_error_mgr, jpeg_finish_decompress, jpeg_mem_src,
    jpeg_read_header, jpeg_read_scanlines, jpeg_start_decompress, jpeg_std_error,
};

use crate::scale::Scale;

/// Decodes rows of RGB at the scale.
///
/// Nothing where libjpeg would only warn, too: whether a damaged picture is good enough is not decided here. `bytes_max`
/// bounds what it holds in coefficients.
pub(in crate::decode) fn decode(source: &[u8], scale: &Scale, bytes_max: usize) -> Option<Vec<u8>> {
    let mut decompressor = Decompressor::new();
    // What libjpeg cannot do it says by unwinding out of itself: its own way is to end the process.
    panic::catch_unwind(AssertUnwindSafe(|| decompressor.run(source, scale, bytes_max))).ok().flatten()
}

/// libjpeg's state and its errors. Boxed, because libjpeg keeps a pointer from one to the other.
struct Decompressor(Box<Parts>);

struct Parts {
    state: jpeg_decompress_struct,
    errors: jpeg_error_mgr,
}

impl Decompressor {
    fn new() -> Self {
        // SAFETY: the structure is made of numbers, null pointers and absent functions.
        let errors = unsafe { MaybeUninit::zeroed().assume_init() };
        // SAFETY: as above; its enums have a variant of value 0.
        let state = unsafe { MaybeUninit::zeroed().assume_init() };
        Self(Box::new(Parts { state, errors }))
    }

    fn run(&mut self, source: &[u8], scale: &Scale, bytes_max: usize) -> Option<Vec<u8>> {
        let Parts { state, errors } = &mut *self.0;
        // SAFETY: fills the structure, which lives in the box as long as `state` does.
        state.common.err = unsafe { jpeg_std_error(errors) };
        errors.error_exit = Some(unwind);
        errors.emit_message = Some(unwind_at_warnings);
        // SAFETY: `state` is zeroed but for the error manager, as libjpeg asks.
        unsafe { jpeg_create_decompress(state) };
        // SAFETY: creating has set it to a structure that lives until `state` is destroyed.
        let memory = unsafe { state.common.mem.as_mut() }?;
        memory.max_memory_to_use = c_long::try_from(bytes_max).unwrap_or(c_long::MAX);
        let length = c_ulong::try_from(source.len()).ok()?;
        // SAFETY: created; that many bytes are read from there on, and our caller holds them until this returns.
        unsafe { jpeg_mem_src(state, source.as_ptr(), length) };
        // SAFETY: created, with a source.
        unsafe { jpeg_read_header(state, 1) };
        let is_known = matches!(state.jpeg_color_space, J_COLOR_SPACE::JCS_YCbCr | J_COLOR_SPACE::JCS_GRAYSCALE);
        if (state.image_width, state.image_height) != scale.full || !is_known {
            return None;
        }
        state.out_color_space = J_COLOR_SPACE::JCS_RGB;
        (state.scale_num, state.scale_denom) = (scale.eighths, 8);
        state.dct_method = J_DCT_METHOD::JDCT_ISLOW;
        state.do_fancy_upsampling = 1;
        // It would guess at what scans that are missing hold.
        state.do_block_smoothing = 0;
        // SAFETY: the header was read.
        unsafe { jpeg_calc_output_dimensions(state) };
        let (width, height) = scale.size();
        if (state.output_width, state.output_height, state.output_components) != (width, height, 3) {
            return None;
        }
        let row = width as usize * 3;
        let mut pixels = vec![0; row * height as usize];
        // SAFETY: the header was read and everything is set.
        unsafe { jpeg_start_decompress(state) };
        for line in pixels.chunks_exact_mut(row) {
            let mut line = line.as_mut_ptr();
            // SAFETY: started; one row of `output_width` pixels of three bytes is written, which is what `line` holds.
            if unsafe { jpeg_read_scanlines(state, &raw mut line, 1) } != 1 {
                return None;
            }
        }
        // SAFETY: started, and every row was read.
        unsafe { jpeg_finish_decompress(state) };
        Some(pixels)
    }
}

impl Drop for Decompressor {
    fn drop(&mut self) {
        // SAFETY: created or still zeroed, which this takes as well; nothing uses it after this.
        unsafe { jpeg_destroy_decompress(&mut self.0.state) };
    }
}

/// Called where libjpeg cannot go on; it must not return. The panic hook stays silent, for the caller has an answer.
extern "C-unwind" fn unwind(_: &mut jpeg_common_struct) {
    panic::resume_unwind(Box::new(()));
}

/// Called with warnings, whose level is below 0, and with traces.
extern "C-unwind" fn unwind_at_warnings(_: &mut jpeg_common_struct, level: c_int) {
    if level < 0 {
        panic::resume_unwind(Box::new(()));
    }
}
