//! Hot: the wall clock as answers and log lines tell it, asked and formatted once a second.
//!
//! Whoever asks brings the monotonic time, which a request takes anyway. It is turned into wall time by a pair of both
//! clocks that is taken anew with every second of the wall clock. Between two pairs both run alike, so the text is that
//! of the wall clock; when somebody sets the clock, that is seen after at most a second.

use std::{
    fmt,
    io::Write as _,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant, SystemTime},
};

/// `date: Sun, 06 Nov 1994 08:49:37 GMT`, with the line's end.
pub type DateLine = [u8; 37];
/// `2026-11-20T13:45:01.123Z`.
pub(super) type Timestamp = [u8; 24];

const SECOND: u64 = 1_000_000_000;

/// A clock of one thread: another one that asks at the same time may read two seconds mixed.
#[derive(Debug)]
pub struct Clock {
    /// Monotonic time is counted from here.
    origin: Instant,
    /// When the wall clock's second that is kept here began, in nanoseconds since `origin`...
    second: AtomicU64,
    /// ...and when it ends. Zero: there is none yet.
    end: AtomicU64,
    date: Text<5>,
    timestamp: Text<3>,
}

impl Clock {
    pub(super) fn new() -> Self {
        // The first second began before the clock was made.
        let origin = Instant::now().checked_sub(Duration::from_secs(1)).unwrap_or_else(Instant::now);
        Self { origin, second: AtomicU64::new(0), end: AtomicU64::new(0), date: Text::new(), timestamp: Text::new() }
    }

    /// The `date` field's line at `now` (RFC 9110 6.6.1), ending in CR LF.
    pub fn date(&self, now: Instant) -> DateLine {
        self.advance(now);
        self.date.get()
    }

    /// The time in UTC with milliseconds at `now`.
    pub(super) fn timestamp(&self, now: Instant) -> Timestamp {
        // A moment before the second that is kept, when another request was quicker, is told as its beginning.
        let since = self.advance(now).saturating_sub(self.second.load(Ordering::Relaxed));
        let millis = (since / 1_000_000).min(999);
        let mut text: Timestamp = self.timestamp.get();
        for (at, digit) in [(20, millis / 100), (21, millis / 10 % 10), (22, millis % 10)] {
            text[at] = b'0' + digit.to_le_bytes()[0];
        }
        text[23] = b'Z';
        text
    }

    /// Sees to it that the second that is kept is that of `now`, and gives `now` in nanoseconds.
    fn advance(&self, now: Instant) -> u64 {
        let nanos = self.nanos(now);
        if nanos >= self.end.load(Ordering::Relaxed) {
            self.keep(Instant::now(), SystemTime::now());
        }
        nanos
    }

    fn nanos(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.origin).as_nanos()).unwrap_or(u64::MAX)
    }

    /// Keeps the second that `wall` is in; `now` is the same moment.
    #[cold]
    fn keep(&self, now: Instant, wall: SystemTime) {
        let wall_time = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let second = self.nanos(now).saturating_sub(u64::from(wall_time.subsec_nanos()));
        self.second.store(second, Ordering::Relaxed);
        self.end.store(second + SECOND, Ordering::Relaxed);
        self.date.set(format_args!("date: {}\r\n", httpdate::HttpDate::from(wall)));
        self.timestamp.set(format_args!("{}", Rfc3339(wall_time.as_secs())));
    }
}

/// A short text in words that can be read and written without a lock.
#[derive(Debug)]
struct Text<const WORDS: usize>([AtomicU64; WORDS]);

impl<const WORDS: usize> Text<WORDS> {
    const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; WORDS])
    }

    fn set(&self, text: fmt::Arguments<'_>) {
        let mut words = [[0; 8]; WORDS];
        // What has no room is cut off, which only a year of five digits could bring about.
        let _ = words.as_flattened_mut().write_fmt(text);
        for (kept, word) in self.0.iter().zip(words) {
            kept.store(u64::from_ne_bytes(word), Ordering::Relaxed);
        }
    }

    /// Its first `LENGTH` bytes.
    fn get<const LENGTH: usize>(&self) -> [u8; LENGTH] {
        let mut text = [0; LENGTH];
        for (bytes, word) in text.chunks_mut(8).zip(&self.0) {
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes()[..bytes.len()]);
        }
        text
    }
}

/// A second in UTC up to the decimal point, `2026-11-20T13:45:01.`, counted since 1970.
struct Rfc3339(u64);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, seconds) = (self.0 / 86_400, self.0 % 86_400);
        // Days to civil date: Howard Hinnant's `civil_from_days`, with March as the first month of the year.
        let z = days + 719_468;
        let (era, day_of_era) = (z / 146_097, z % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_civil() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00."),
            (951_827_696, "2000-02-29T12:34:56."),
            (1_795_182_301, "2026-11-20T13:45:01."),
        ] {
            assert_eq!(Rfc3339(seconds).to_string(), text);
        }
    }

    #[test]
    fn a_second_is_told_until_it_ends() {
        let clock = Clock::new();
        let now = Instant::now() + Duration::from_secs(100);
        clock.keep(now, SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_250));
        for after in [Duration::ZERO, Duration::from_millis(749)] {
            assert_eq!(&clock.date(now + after), b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
        }
        assert_eq!(&clock.timestamp(now), b"1994-11-06T08:49:37.250Z");
        assert_eq!(&clock.timestamp(now + Duration::from_micros(748_999)), b"1994-11-06T08:49:37.998Z");
        assert_eq!(&clock.timestamp(now - Duration::from_secs(1)), b"1994-11-06T08:49:37.000Z");
        // The next second is asked for: the wall clock has been set meanwhile.
        let later = now + Duration::from_millis(750);
        assert_ne!(&clock.date(later), b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
        assert!(!clock.timestamp(later).starts_with(b"1994"));
    }

    #[test]
    fn a_new_clock_tells_the_time() {
        let clock = Clock::new();
        let seconds = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let before = seconds();
        let told = clock.timestamp(Instant::now());
        let possible: Vec<String> = (before..=seconds()).map(|second| Rfc3339(second).to_string()).collect();
        assert!(possible.iter().any(|second| told.starts_with(second.as_bytes())), "{possible:?}");
    }
}
