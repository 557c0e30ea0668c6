//! mozjpeg's libjpeg: RGB rows in, a progressive JPEG out.
#![expect(unsafe_code, reason = "libjpeg is in C; each block has its argument")]

use std::{
    ffi::{c_int, c_ulong},
    mem::MaybeUninit,
    panic::{self, AssertUnwindSafe},
    ptr, slice,
};

use mozjpeg_sys::{
    J_BOOLEAN_PARAM, J_COLOR_SPACE, jpeg_add_quant_table, jpeg_c_set_bool_param, jpeg_common_struct,
    jpeg_compress_struct, jpeg_create_compress, jpeg_destroy_compress, jpeg_error_mgr, jpeg_finish_compress,
    jpeg_mem_dest, jpeg_set_defaults, jpeg_simple_progression, jpeg_start_compress, jpeg_std_error,
    jpeg_write_scanlines,
};

use crate::Refusal;

/// Steps of the 64 frequencies, row by row from the mean on: of luma, then of both colour differences.
pub(in crate::encode) type Tables = [[u32; 64]; 2];

/// Pixels on one side that the format can hold (ITU-T T.81 B.2.2); libjpeg's own limit is a little lower.
const SIDE_MAX: u32 = 65_500;

/// Codes rows of RGB, colour at half the size both ways, in several scans.
pub(in crate::encode) fn encode(rgb: &[u8], width: u32, height: u32, tables: &Tables) -> Result<Vec<u8>, Refusal> {
    let row = width as usize * 3;
    if width.min(height) == 0 || width.max(height) > SIDE_MAX || rgb.len() != row * height as usize {
        return Err(Refusal::Encode);
    }
    let mut compressor = Compressor::new();
    // What libjpeg cannot do it says by unwinding out of itself: its own way is to end the process.
    let coded = panic::catch_unwind(AssertUnwindSafe(|| compressor.run(rgb.chunks_exact(row), width, height, tables)));
    coded.map_err(|_| Refusal::Encode)
}

/// libjpeg's state, its errors and what it has written. Boxed, because libjpeg keeps pointers from one to the other.
struct Compressor(Box<Parts>);

struct Parts {
    state: jpeg_compress_struct,
    errors: jpeg_error_mgr,
    output: *mut u8,
    output_len: c_ulong,
    /// `output` is what was written. Until then libjpeg may have freed it for a larger one and told nobody.
    finished: bool,
}

impl Compressor {
    fn new() -> Self {
        // SAFETY: both structures are made of numbers, null pointers and absent functions.
        let (state, errors) = unsafe { MaybeUninit::zeroed().assume_init() };
        Self(Box::new(Parts { state, errors, output: ptr::null_mut(), output_len: 0, finished: false }))
    }

    fn run<'a>(&mut self, rows: impl Iterator<Item = &'a [u8]>, width: u32, height: u32, tables: &Tables) -> Vec<u8> {
        let Parts { state, errors, output, output_len, finished } = &mut *self.0;
        // SAFETY: fills the structure, which lives in the box as long as `state` does.
        state.common.err = unsafe { jpeg_std_error(errors) };
        errors.error_exit = Some(unwind);
        errors.emit_message = Some(ignore);
        // SAFETY: `state` is zeroed but for the error manager, as libjpeg asks.
        unsafe { jpeg_create_compress(state) };
        // SAFETY: both places live in the box as long as `state` does; null asks for a buffer of libjpeg's own.
        unsafe { jpeg_mem_dest(state, output, output_len) };
        (state.image_width, state.image_height) = (width, height);
        (state.input_components, state.in_color_space) = (3, J_COLOR_SPACE::JCS_RGB);
        // SAFETY: created, with size and colours set.
        unsafe { jpeg_set_defaults(state) };
        // What mozjpeg adds to libjpeg-turbo in time is worth a few per cent of bytes, which tables bring as well.
        for slow in [J_BOOLEAN_PARAM::JBOOLEAN_TRELLIS_QUANT, J_BOOLEAN_PARAM::JBOOLEAN_OPTIMIZE_SCANS] {
            // SAFETY: created, and both are parameters it knows.
            unsafe { jpeg_c_set_bool_param(state, slow, 0) };
        }
        for (index, table) in (0..).zip(tables) {
            // SAFETY: created; 64 numbers are read, and the scale is 100 of 100.
            unsafe { jpeg_add_quant_table(state, index, table.as_ptr(), 100, 1) };
        }
        state.optimize_coding = 1;
        // SAFETY: created, with the colours set.
        unsafe { jpeg_simple_progression(state) };
        // SAFETY: created, with everything set.
        unsafe { jpeg_start_compress(state, 1) };
        for row in rows {
            let row = row.as_ptr();
            // SAFETY: started; one row of `width` pixels of three bytes is read, as `encode` has checked.
            unsafe { jpeg_write_scanlines(state, &raw const row, 1) };
        }
        // SAFETY: started, and as many rows were written as the picture has.
        unsafe { jpeg_finish_compress(state) };
        *finished = true;
        let length = usize::try_from(*output_len).unwrap_or_default();
        // SAFETY: finishing has set both: that many bytes from there on were written.
        unsafe { slice::from_raw_parts(*output, length) }.to_vec()
    }
}

impl Drop for Compressor {
    fn drop(&mut self) {
        // SAFETY: created or still zeroed, which this takes as well; nothing uses it after this.
        unsafe { jpeg_destroy_compress(&mut self.0.state) };
        // What was not finished is not ours to free, and lost: an error here is a lack of memory, which costs the
        // worker its life anyhow.
        if self.0.finished {
            // SAFETY: finishing has set it to what libjpeg took from `malloc` for the output and leaves to its caller.
            unsafe { libc::free(self.0.output.cast()) };
        }
    }
}

/// Called where libjpeg cannot go on; it must not return. The panic hook stays silent, for the caller has an answer.
extern "C-unwind" fn unwind(_: &mut jpeg_common_struct) {
    panic::resume_unwind(Box::new(()));
}

/// Called with warnings and traces.
extern "C-unwind" fn ignore(_: &mut jpeg_common_struct, _: c_int) {}
