//! Numbers and times as people read them: unit after a space, thousands with a comma, − for minus, UTC.
//!
//! Pure and without a clock: "how long ago" is asked against the `now` that came with the data, so that server and browser agree.

use windfirm_model::clock::Timestamp;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// A moment in UTC, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utc {
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 is Monday.
    pub weekday: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub milli: u16,
}

impl From<Timestamp> for Utc {
    /// Days to civil date as in Howard Hinnant's `chrono`-compatible algorithms (proleptic Gregorian calendar).
    fn from(at: Timestamp) -> Self {
        let days = at.seconds().div_euclid(86_400);
        let of_day = at.seconds().rem_euclid(86_400);
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let small = |value: i64| u8::try_from(value).unwrap_or_default();
        Self {
            year,
            month: small(month),
            day: small(day),
            weekday: small((days + 3).rem_euclid(7)),
            hour: small(of_day / 3_600),
            minute: small(of_day / 60 % 60),
            second: small(of_day % 60),
            milli: u16::try_from(at.0.rem_euclid(1_000_000) / 1_000).unwrap_or_default(),
        }
    }
}

impl Utc {
    fn month_name(&self) -> &'static str {
        MONTHS.get(usize::from(self.month).saturating_sub(1)).copied().unwrap_or("?")
    }
}

/// `2026-11-23T12:04:31Z`, for `datetime` attributes.
#[must_use]
pub fn iso(at: Timestamp) -> String {
    let t = Utc::from(at);
    format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", t.year, t.month, t.day, t.hour, t.minute, t.second)
}

/// `23 Nov 2026, 12:04`.
#[must_use]
pub fn date_time(at: Timestamp) -> String {
    let t = Utc::from(at);
    format!("{} {} {}, {:02}:{:02}", t.day, t.month_name(), t.year, t.hour, t.minute)
}

/// `Mon 23 Nov 2026, 12:04 UTC`: the one place of a page that names UTC.
#[must_use]
pub fn full(at: Timestamp) -> String {
    let weekday = WEEKDAYS.get(usize::from(Utc::from(at).weekday)).copied().unwrap_or("?");
    format!("{weekday} {} UTC", date_time(at))
}

/// `12:04:31`.
#[must_use]
pub fn clock(at: Timestamp) -> String {
    let t = Utc::from(at);
    format!("{:02}:{:02}:{:02}", t.hour, t.minute, t.second)
}

/// `12:04:31.102`.
#[must_use]
pub fn clock_ms(at: Timestamp) -> String {
    format!("{}.{:03}", clock(at), Utc::from(at).milli)
}

/// As short as it stays clear: `11:40` today, `22 Nov 11:40` this year, `22 Nov 2025` before.
#[must_use]
pub fn short(at: Timestamp, now: Timestamp) -> String {
    let (t, n) = (Utc::from(at), Utc::from(now));
    let day = (t.year, t.month, t.day);
    if day == (n.year, n.month, n.day) {
        format!("{:02}:{:02}", t.hour, t.minute)
    } else if t.year == n.year {
        format!("{} {} {:02}:{:02}", t.day, t.month_name(), t.hour, t.minute)
    } else {
        format!("{} {} {}", t.day, t.month_name(), t.year)
    }
}

/// `just now`, `12 min ago`, `2 h 24 min ago`, `3 days ago`.
#[must_use]
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.seconds().saturating_sub(at.seconds()).max(0);
    match seconds {
        0..=4 => "just now".to_owned(),
        5..=59 => format!("{seconds} s ago"),
        60..=3_599 => format!("{} min ago", seconds / 60),
        3_600..=86_399 => match (seconds / 3_600, seconds / 60 % 60) {
            (hours, 0) => format!("{hours} h ago"),
            (hours, minutes) => format!("{hours} h {minutes} min ago"),
        },
        86_400..=172_799 => "1 day ago".to_owned(),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// Minutes and seconds as on a stopwatch: `4:12`, `1:02:03`.
#[must_use]
pub fn stopwatch(seconds: i64) -> String {
    let s = seconds.max(0);
    if s >= 3_600 { format!("{}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60) } else { format!("{}:{:02}", s / 60, s % 60) }
}

/// `45 s`, `6 min`, `1 h 30 min`: a length that somebody set.
#[must_use]
pub fn duration(seconds: u32) -> String {
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// `1,234,567`.
#[must_use]
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// “1 run”, “3 runs”.
#[must_use]
pub fn counted(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(value), if value == 1 { one } else { many })
}

/// A latency: `0.42 ms`, `8.1 ms`, `486 ms`, `1.24 s`. Three digits, unit after a space.
#[must_use]
pub fn latency(micros: u64) -> String {
    match micros {
        0 => "0 ms".to_owned(),
        1..=999 => format!("0.{:02} ms", (micros + 5) / 10).replace("0.100", "1.00"),
        1_000..=9_949 => {
            let tenths = (micros + 50) / 100;
            format!("{}.{} ms", tenths / 10, tenths % 10)
        }
        9_950..=999_499 => format!("{} ms", (micros + 500) / 1_000),
        _ => {
            let hundredths = (micros + 5_000) / 10_000;
            format!("{}.{:02} s", count(hundredths / 100), hundredths % 100)
        }
    }
}

/// A share, 0 to 1, as per cent: `0 %`, `0.04 %`, `12.5 %`, `100 %`. What is not zero never shows as zero.
#[must_use]
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    if value <= 0.0 {
        "0 %".to_owned()
    } else if value < 0.01 {
        "< 0.01 %".to_owned()
    } else if value < 1.0 {
        format!("{value:.2} %")
    } else if value < 99.95 {
        format!("{value:.1} %").replace(".0 %", " %")
    } else if value < 100.0 {
        "> 99.9 %".to_owned()
    } else {
        "100 %".to_owned()
    }
}

/// A rate per second: `4.2`, `118`, `1,204`.
#[must_use]
pub fn rate(per_second: f64) -> String {
    if per_second < 10.0 {
        format!("{per_second:.1}")
    } else {
        let whole = format!("{:.0}", per_second.max(0.0));
        whole.parse::<u64>().map_or(whole, count)
    }
}

/// `812 B`, `4.2 kB`, `1.3 MB`: decimal, as networks count.
#[must_use]
pub fn bytes(value: u64) -> String {
    let scaled = |unit: u64, name: &str| {
        let tenths = value.saturating_mul(10) / unit;
        if tenths >= 1_000 { format!("{} {name}", count(tenths / 10)) } else { format!("{}.{} {name}", tenths / 10, tenths % 10) }
    };
    match value {
        0..=999 => format!("{value} B"),
        1_000..=999_999 => scaled(1_000, "kB"),
        1_000_000..=999_999_999 => scaled(1_000_000, "MB"),
        _ => scaled(1_000_000_000, "GB"),
    }
}

/// The first seven characters of a digest or commit, without `sha256:`.
#[must_use]
pub fn digest(text: &str) -> String {
    text.strip_prefix("sha256:").unwrap_or(text).chars().take(7).collect()
}

/// A commit's subject as what it is: somebody else's words. Nothing for none.
#[must_use]
pub fn subject(revision: &windfirm_model::view::tree::TreeRevision) -> String {
    if revision.subject.is_empty() { String::new() } else { format!("“{}”", revision.subject) }
}

/// Subject, author and time of a commit, as far as they may be told.
#[must_use]
pub fn commit_words(revision: &windfirm_model::view::tree::TreeRevision) -> String {
    let parts = [revision.subject.clone(), revision.author.clone(), full(revision.committed)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn dates_are_right_on_the_edges_of_the_calendar() {
        // Values from `date -u -d @… --iso-8601=seconds`.
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(iso(at(seconds)), text);
        }
        assert_eq!(full(at(1_795_435_440)), "Mon 23 Nov 2026, 12:04 UTC");
        assert_eq!(clock_ms(Timestamp(1_795_435_440_102_999)), "12:04:00.102");
    }

    #[test]
    fn moments_are_as_short_as_they_stay_clear() {
        let now = at(1_795_435_440);
        assert_eq!(short(at(1_795_434_000), now), "11:40");
        assert_eq!(short(at(1_795_348_800), now), "22 Nov 12:00");
        assert_eq!(short(at(1_763_900_000), now), "23 Nov 2025");
        assert_eq!(ago(at(1_795_434_720), now), "12 min ago");
        assert_eq!(ago(at(1_795_426_800), now), "2 h 24 min ago");
        assert_eq!(ago(at(1_795_435_439), now), "just now");
        assert_eq!(ago(at(1_795_435_500), now), "just now", "a clock that runs ahead is not in the future");
    }

    #[test]
    fn numbers_carry_their_unit_and_never_lie() {
        assert_eq!(latency(0), "0 ms");
        assert_eq!(latency(420), "0.42 ms");
        assert_eq!(latency(999), "1.00 ms");
        assert_eq!(latency(8_120), "8.1 ms");
        assert_eq!(latency(9_960), "10 ms");
        assert_eq!(latency(486_200), "486 ms");
        assert_eq!(latency(1_240_000), "1.24 s");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(0.000_01), "< 0.01 %");
        assert_eq!(percent(0.125), "12.5 %");
        assert_eq!(percent(0.999_9), "> 99.9 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "run", "runs"), "1 run");
        assert_eq!(rate(1_203.7), "1,204");
        assert_eq!(bytes(4_200), "4.2 kB");
        assert_eq!(bytes(1_300_000), "1.3 MB");
        assert_eq!(duration(5_400), "1 h 30 min");
        assert_eq!(duration(90), "1 min 30 s");
        assert_eq!(stopwatch(252), "4:12");
        assert_eq!(stopwatch(3_723), "1:02:03");
        assert_eq!(digest("sha256:8f3c2d1a99"), "8f3c2d1");
    }
}
