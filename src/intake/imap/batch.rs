//! Which mails are asked for together, and how fast: batches bounded in number and bytes, a backlog at its pace.

use tokio::time::{Duration, Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// One FETCH asks for so many mails at most, and for so many bytes.
pub const BATCH_MAILS: usize = 128;
const BATCH_BYTES: u64 = 8 << 20;

/// A mail on the server.
#[derive(Debug, Clone, Copy)]
pub struct Listed {
    /// Its UID.
    pub uid: u32,
    /// RFC822.SIZE, bytes.
    pub size: u64,
    /// INTERNALDATE, unix milliseconds.
    pub date: Option<i64>,
}

/// Mails that are asked for together.
#[derive(Clone, Copy)]
pub enum Batch<'a> {
    /// Each whole.
    Whole(&'a [Listed]),
    /// One over the bound: of its header only so much as is kept.
    TooBig(&'a [Listed]),
}

impl<'a> Batch<'a> {
    /// The mails.
    pub fn mails(&self) -> &'a [Listed] {
        match self {
            Batch::Whole(mails) | Batch::TooBig(mails) => mails,
        }
    }
}

/// How fast a backlog is taken in.
pub struct Pace {
    /// 0: as fast as it goes.
    pub per_minute: u32,
    /// Mails of one batch: what a second allows, so that nothing stands still for long.
    pub most: usize,
    begun: Instant,
    taken: u64,
}

impl Pace {
    /// 0: as fast as it goes.
    pub fn new(per_minute: u32) -> Pace {
        let most = if per_minute == 0 { BATCH_MAILS } else { (per_minute as usize / 60).clamp(1, BATCH_MAILS) };
        Pace { per_minute, most, begun: Instant::now(), taken: 0 }
    }

    /// So many more were taken.
    pub fn took(&mut self, mails: usize) {
        self.taken += mails as u64;
    }

    /// When the next batch is due, from the beginning on.
    fn due(&self) -> Duration {
        let millis = self.taken.saturating_mul(60_000).checked_div(u64::from(self.per_minute));
        Duration::from_millis(millis.unwrap_or(0))
    }

    /// Waits until the next batch is due.
    pub async fn wait(&self, cancel: &CancellationToken) {
        tokio::select! {
            () = cancel.cancelled() => {}
            () = sleep_until(self.begun + self.due()) => {}
        }
    }
}

/// Cuts the list into batches of at most so many mails, in order; oversized mails stand alone.
pub fn batches(listed: &[Listed], limit: u64, most: usize) -> Vec<Batch<'_>> {
    let mut batches = vec![];
    let mut rest = listed;
    while let Some(first) = rest.first() {
        let mut bytes = 0;
        let fits = rest.iter().take(most).take_while(|mail| {
            let fits = mail.size <= limit && bytes < BATCH_BYTES;
            bytes += mail.size;
            fits
        });
        let count = fits.count();
        let (batch, after) = rest.split_at(count.max(1));
        batches.push(if first.size > limit { Batch::TooBig(batch) } else { Batch::Whole(batch) });
        rest = after;
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_bounded_and_oversized_mails_stand_alone() {
        let check = |sizes: &[u64], expected: &[&str]| {
            let listed: Vec<Listed> = sizes
                .iter()
                .enumerate()
                .map(|(n, size)| Listed { uid: n as u32 + 1, size: *size, date: None })
                .collect();
            let got: Vec<String> = batches(&listed, 100 << 20, BATCH_MAILS)
                .iter()
                .map(|batch| match batch {
                    Batch::Whole(mails) => format!("{}", mails.len()),
                    Batch::TooBig(mails) => format!("!{}", mails.len()),
                })
                .collect();
            assert_eq!(got, expected);
        };
        check(&[], &[]);
        check(&[1; 300], &["128", "128", "44"]);
        check(&[5 << 20, 5 << 20, 5 << 20], &["2", "1"]);
        check(&[1, 200 << 20, 200 << 20, 1], &["1", "!1", "!1", "1"]);
        check(&[50 << 20, 1], &["1", "1"]);
    }

    #[test]
    fn a_backlog_keeps_its_pace() {
        let check = |per_minute: u32, most: usize, ten_batches_take: u64| {
            let mut pace = Pace::new(per_minute);
            assert_eq!(pace.most, most);
            pace.took(10 * pace.most);
            assert_eq!(pace.due().as_secs(), ten_batches_take, "{per_minute} a minute");
        };
        check(0, BATCH_MAILS, 0);
        check(6000, 100, 10);
        check(1, 1, 600);
        check(1_000_000, BATCH_MAILS, 0);
    }
}
