//! When the desk is open: the hours of a week in the desk's own time zone, and its holidays.
//!
//! Pure beyond the system's time zone data: the time is an argument. Days that count are days on which the desk opens.

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use super::settings;

/// Days looked ahead for an open one; a year of holidays ends before that.
const LOOK_AHEAD: usize = 800;

/// The opening hours.
#[derive(Debug, Clone, PartialEq)]
pub struct Hours {
    zone: TimeZone,
    /// From Monday: minutes of the day, from and until, ascending.
    week: [Vec<(i32, i32)>; 7],
    holidays: Vec<Holiday>,
}

/// A day on which the desk stays closed; without a year, every year.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Holiday {
    year: Option<i16>,
    month: i8,
    day: i8,
}

/// What is wrong with `[hours]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The key.
    pub key: &'static str,
    /// What is wrong.
    pub message: String,
    /// How to write it.
    pub remedy: &'static str,
}

impl Hours {
    /// Reads `[hours]`.
    pub fn parse(written: &settings::Hours) -> Result<Hours, Vec<Wrong>> {
        let mut faults = vec![];
        let mut wrong = |key, message, remedy| faults.push(Wrong { key, message, remedy });
        let zone = TimeZone::get(&written.zone).unwrap_or_else(|_| {
            let message = format!("`{}` is no time zone that this machine knows", written.zone);
            let remedy = "write an IANA name such as Europe/Berlin; other zones than UTC need the tzdata package";
            wrong("zone", message, remedy);
            TimeZone::UTC
        });
        let mut week: [Vec<(i32, i32)>; 7] = Default::default();
        let mut open = false;
        for (day, (key, text)) in week.iter_mut().zip(written.days()) {
            open |= !text.trim().is_empty();
            *day = intervals(text).unwrap_or_else(|| {
                let remedy = "write 09:00-17:00, or 09:00-12:00, 13:00-18:00; empty is closed";
                wrong(key, format!("`{text}` are no hours"), remedy);
                vec![]
            });
        }
        if !open {
            wrong("monday", "the desk is never open".into(), "give at least one day its hours");
        }
        let mut holidays = vec![];
        for text in &written.holidays {
            match holiday(text) {
                Some(holiday) => holidays.push(holiday),
                None => wrong("holidays", format!("`{text}` is no date"), "write 2026-12-24, or 12-25 for every year"),
            }
        }
        if faults.is_empty() { Ok(Hours { zone, week, holidays }) } else { Err(faults) }
    }

    /// Whether the desk is open at this moment (unix ms).
    pub fn is_open(&self, at: i64) -> bool {
        let (date, minute) = self.local(at);
        self.on(date).iter().any(|(from, until)| (*from..*until).contains(&minute))
    }

    /// The moment after so many days on which the desk opens, at the same time of day; where it is closed then, when it
    /// opens next. Unix ms.
    pub fn after(&self, from: i64, days: u32) -> i64 {
        let (mut date, minute) = self.local(from);
        let mut left = days;
        for _ in 0..LOOK_AHEAD {
            if left == 0 {
                break;
            }
            date = date.tomorrow().unwrap_or(date);
            left -= u32::from(!self.on(date).is_empty());
        }
        let within_minute = from.rem_euclid(60_000);
        let mut earliest = minute;
        for _ in 0..LOOK_AHEAD {
            if let Some((opens, _)) = self.on(date).iter().find(|(_, until)| *until > earliest) {
                return match *opens > earliest {
                    true => self.moment(date, *opens),
                    false => self.moment(date, earliest) + within_minute,
                };
            }
            (date, earliest) = (date.tomorrow().unwrap_or(date), 0);
        }
        from
    }

    /// The hours of a date; none on a holiday.
    fn on(&self, date: Date) -> &[(i32, i32)] {
        let is = |holiday: &Holiday| {
            (holiday.month, holiday.day) == (date.month(), date.day())
                && holiday.year.is_none_or(|year| year == date.year())
        };
        if self.holidays.iter().any(is) {
            return &[];
        }
        &self.week[date.weekday().since(Weekday::Monday) as usize]
    }

    fn local(&self, at: i64) -> (Date, i32) {
        let here = Timestamp::from_millisecond(at).unwrap_or_default().to_zoned_datetime(self.zone.clone());
        (here.date(), i32::from(here.hour()) * 60 + i32::from(here.minute()))
    }

    fn moment(&self, date: Date, minute: i32) -> i64 {
        let time = date.at((minute / 60) as i8, (minute % 60) as i8, 0, 0);
        time.to_zoned_datetime(self.zone.clone()).map_or(0, |there| there.timestamp().as_millisecond())
    }
}

/// `09:00-12:00, 13:00-17:30` as minutes of the day, ascending; empty: closed.
fn intervals(text: &str) -> Option<Vec<(i32, i32)>> {
    let mut found: Vec<(i32, i32)> = vec![];
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (from, until) = part.split_once('-')?;
        let (from, until) = (minute(from)?, minute(until)?);
        if from >= until || found.last().is_some_and(|(_, before)| *before > from) {
            return None;
        }
        found.push((from, until));
    }
    Some(found)
}

fn minute(text: &str) -> Option<i32> {
    let (hour, minute) = text.trim().split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let minutes = hour.parse::<i32>().ok()? * 60 + minute.parse::<i32>().ok()?;
    (digits(hour) && digits(minute) && minute < "60" && minutes <= 24 * 60).then_some(minutes)
}

fn holiday(text: &str) -> Option<Holiday> {
    let mut parts = text.split('-').rev();
    let (day, month) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let year = parts.next().map(str::parse::<i16>).transpose().ok()?;
    // 2024 had a 29 February.
    let real = parts.next().is_none() && Date::new(year.unwrap_or(2024), month, day).is_ok();
    real.then_some(Holiday { year, month, day })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn office() -> settings::Hours {
        let day = || "09:00-12:00, 13:00-17:00".to_owned();
        settings::Hours {
            zone: "UTC".into(),
            monday: day(),
            tuesday: day(),
            wednesday: day(),
            thursday: day(),
            friday: day(),
            saturday: String::new(),
            sunday: String::new(),
            holidays: vec!["12-25".into(), "2026-04-06".into()],
        }
    }

    fn ms(time: &str) -> i64 {
        time.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn check(hours: &Hours, from: &str, days: u32, expected: &str) {
        let got = Timestamp::from_millisecond(hours.after(ms(from), days)).unwrap();
        assert_eq!(got, expected.parse::<Timestamp>().unwrap(), "{days} days after {from}");
        assert!(hours.is_open(got.as_millisecond()), "{got}");
    }

    #[test]
    fn open_days_count_and_the_desk_is_open() {
        let hours = Hours::parse(&office()).unwrap();
        check(&hours, "2026-03-02T09:30:15Z", 3, "2026-03-05T09:30:15Z");
        // Friday and three days: Wednesday.
        check(&hours, "2026-03-06T16:59:59Z", 3, "2026-03-11T16:59:59Z");
        // Over lunch and after five it waits for the door to open.
        check(&hours, "2026-03-02T12:30:00Z", 1, "2026-03-03T13:00:00Z");
        check(&hours, "2026-03-05T20:00:00Z", 1, "2026-03-09T09:00:00Z");
        check(&hours, "2026-03-07T03:00:00Z", 0, "2026-03-09T09:00:00Z");
        // Easter Monday of one year, Christmas of every year.
        check(&hours, "2026-04-03T10:00:00Z", 1, "2026-04-07T10:00:00Z");
        check(&hours, "2026-12-24T10:00:00Z", 1, "2026-12-28T10:00:00Z");
        check(&hours, "2030-12-24T10:00:00Z", 1, "2030-12-26T10:00:00Z");
        assert!(!hours.is_open(ms("2026-12-25T10:00:00Z")) && !hours.is_open(ms("2026-03-02T17:00:00Z")));
    }

    #[test]
    fn always_open_is_plain_days() {
        let always = "00:00-24:00".to_owned();
        let written = settings::Hours {
            monday: always.clone(),
            tuesday: always.clone(),
            wednesday: always.clone(),
            thursday: always.clone(),
            friday: always.clone(),
            saturday: always.clone(),
            sunday: always,
            ..office()
        };
        check(&Hours::parse(&written).unwrap(), "2026-03-06T23:59:59.999Z", 3, "2026-03-09T23:59:59.999Z");
    }

    #[test]
    fn the_zone_is_the_desks_own() {
        let hours = Hours::parse(&settings::Hours { zone: "Europe/Berlin".into(), ..office() }).unwrap();
        // Across the change to summer time it stays nine o'clock there.
        check(&hours, "2026-03-27T08:00:00Z", 1, "2026-03-30T07:00:00Z");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |change: &dyn Fn(&mut settings::Hours)| {
            let mut written = office();
            change(&mut written);
            Hours::parse(&written).unwrap_err()[0].key
        };
        assert_eq!(wrong(&|hours| hours.zone = "Mars/Olympus".into()), "zone");
        for text in ["9-17", "17:00-09:00", "09:00-12:00, 11:00-13:00", "09:00-24:01", "09:60-10:00", "+9:00-10:00"] {
            assert_eq!(wrong(&|hours| hours.tuesday = text.into()), "tuesday", "{text}");
        }
        for text in ["02-30", "25.12.", "2026-13-01", "2026-02-29", "1-2026-02-03"] {
            assert_eq!(wrong(&|hours| hours.holidays = vec![text.into()]), "holidays", "{text}");
        }
        let closed = |hours: &mut settings::Hours| {
            let none = String::new;
            (hours.monday, hours.tuesday, hours.wednesday) = (none(), none(), none());
            (hours.thursday, hours.friday) = (none(), none());
        };
        assert_eq!(wrong(&closed), "monday");
    }
}
