//! Hot: Brotli, as the library drives it.

use ::brotli::enc::{
    StandardAlloc,
    encode::{BrotliEncoderOperation, BrotliEncoderParameter, BrotliEncoderStateStruct},
};

use super::Broken;

/// One content under way.
pub(super) struct Brotli(BrotliEncoderStateStruct<StandardAlloc>);

impl Brotli {
    /// For a content of `length` bytes, where that is known.
    pub(super) fn new(level: u8, window_log: u32, length: Option<u64>) -> Self {
        let mut state = BrotliEncoderStateStruct::new(StandardAlloc::default());
        state.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_QUALITY, level.into());
        state.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_LGWIN, window_log);
        if let Some(length) = length.and_then(|length| u32::try_from(length).ok()) {
            state.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_SIZE_HINT, length);
        }
        Self(state)
    }

    pub(super) fn push(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
        self.run(BrotliEncoderOperation::BROTLI_OPERATION_PROCESS, content, out)
    }

    pub(super) fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Broken> {
        self.run(BrotliEncoderOperation::BROTLI_OPERATION_FLUSH, &[], out)
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Broken> {
        self.run(BrotliEncoderOperation::BROTLI_OPERATION_FINISH, &[], out)
    }

    fn run(&mut self, operation: BrotliEncoderOperation, content: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
        let (mut left, mut at) = (content.len(), 0);
        loop {
            // What it has to say is taken out of its own memory, so there is no room to be made for it.
            let went = self.0.compress_stream(
                operation,
                &mut left,
                content,
                &mut at,
                &mut 0,
                &mut [],
                &mut 0,
                &mut None,
                &mut |_, _, _, _| (),
            );
            if !went {
                return Err(Broken);
            }
            let mut n_taken = 0;
            out.extend_from_slice(self.0.take_output(&mut n_taken).get(..n_taken).unwrap_or_default());
            let wants_end = operation == BrotliEncoderOperation::BROTLI_OPERATION_FINISH;
            if left == 0 && !self.0.has_more_output() && (!wants_end || self.0.is_finished()) {
                return Ok(());
            }
        }
    }
}
