//! What came of a file, as a table for a terminal.

use std::fmt::Write as _;

use edgeplane_optimizer::{Probe, Stage};

use super::job::{Made, Source};

/// A source and what was made of it.
#[derive(Debug)]
pub(super) struct Sheet<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) made: Vec<Made>,
}

impl Sheet<'_> {
    /// The table, a line for the source and one for each result.
    pub(super) fn text(&self) -> String {
        let scored = self.made.iter().any(|made| made.score.is_some());
        let mut text = format!("{:<4}{:<6}{:>11}{:>11}{:>9}", "", "format", "pixels", "bytes", "saved");
        for stage in Stage::ALL {
            // Writing to a string cannot fail.
            let _ = write!(text, "{:>9}", stage.name());
        }
        text.push_str(if scored { "    score\n" } else { "\n" });
        let Probe { source_type, width, height, .. } = &self.source.probe;
        let size = format!("{width}x{height}");
        let _ = writeln!(text, "{:<4}{:<6}{size:>11}{:>11}", "in", source_type.extension(), self.source.bytes.len());
        for made in &self.made {
            let (encoded, saved) = (&made.encoded, self.saved(made));
            let size = format!("{}x{}", encoded.width, encoded.height);
            let bytes = encoded.bytes.len();
            let _ = write!(text, "{:<4}{:<6}{size:>11}{bytes:>11}{saved:>9}", "out", encoded.format.extension());
            for time in made.stages {
                let _ = write!(text, "{:>9}", millis(time));
            }
            if let Some(score) = made.score {
                let _ = write!(text, "{score:>9.1}");
            }
            text.push('\n');
        }
        text
    }

    /// How many of the source's bytes a result spares: `87.4 %`, and less than nothing where it is larger.
    pub(super) fn saved(&self, made: &Made) -> String {
        #[expect(clippy::cast_precision_loss, reason = "bytes are few enough, and one digit is shown")]
        let share = 1.0 - made.encoded.bytes.len() as f64 / self.source.bytes.len().max(1) as f64;
        format!("{:.1} %", share * 100.0)
    }
}

/// A time in milliseconds, as precisely as it is worth reading.
pub(super) fn millis(time: std::time::Duration) -> String {
    let millis = time.as_secs_f64() * 1e3;
    if millis < 9.95 { format!("{millis:.1} ms") } else { format!("{millis:.0} ms") }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_is_told_as_precisely_as_it_is_worth() {
        for (micros, told) in [(0, "0.0 ms"), (1_240, "1.2 ms"), (9_960, "10 ms"), (1_234_567, "1235 ms")] {
            assert_eq!(millis(Duration::from_micros(micros)), told);
        }
    }
}
