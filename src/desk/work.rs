//! The workers: claim, read, find the place, judge, settle. Many submissions share one settling transaction.
//!
//! Promises: hostile input is read and judged off the async threads, behind a wall; what fails twice is quarantined, and so
//! is what ends a process that reads nothing else; two of a batch that touch the same thing are settled one after the other,
//! never against each other; when the store fails, claims are put back uncounted and nothing is lost.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::apart;
use super::cores::{self, CORES};
use super::draft;
use super::judge::{self, Judged};
use super::lookup::list;
use super::matter;
use super::place::{self, Lookups, Place};
use super::read::{self, Reading};
use super::stage::{Item, Names, Stage, Touched, twins};
use super::{Desk, Sources, Step, unix_ms};
use crate::store::settle::{Settlement, Settling};
use crate::store::submissions::{Kind, Outcome, Submission};
use crate::store::{self};
use crate::triage;

/// How long a claim holds. A batch is done in well under a second, a mail of the largest size in a few; whoever dies
/// keeps others waiting so long.
const LEASE_MS: i64 = 20_000;
/// Submissions of one settling transaction.
const BATCH: i64 = 128;
/// Claims that one submission gets, whoever ended them: for what the witness cannot see. Somebody may kill the desk many times.
const CLAIMS: i64 = 100;
/// Failures that the wall caught; these are always the submission's own.
const FAILURES: i64 = 2;
/// Batches at once: while one is settled, another is read.
pub(super) const LANES: usize = 2;

impl Desk {
    /// Settles one submission. `now` is unix milliseconds.
    pub async fn step(&self, now: i64) -> Result<Step, store::Error> {
        Ok(self.batch(now, 1).await?.pop().unwrap_or(Step::Idle))
    }

    /// Settles up to `limit` submissions in one transaction. Empty: there was nothing to do.
    pub async fn batch(&self, now: i64, limit: i64) -> Result<Vec<Step>, store::Error> {
        let mut steps = vec![];
        // One that was only put back (failed once, judged on what has changed) is no step: claim again. Each put back
        // is bounded by its claims, so this ends.
        while steps.is_empty() {
            let claimed = self.store.claim_submissions(now, LEASE_MS, limit).await?;
            if claimed.is_empty() {
                break;
            }
            let span = tracing::info_span!("settle", submissions = claimed.len());
            let mut numbers: BTreeSet<i64> = claimed.iter().map(|submission| submission.number).collect();
            // Those over which a process may have ended take their time.
            let (suspects, others) = claimed.into_iter().partition(|submission| submission.failures > 0);
            let settled = async { tokio::join!(self.settle_claimed(others, now), self.settle_claimed(suspects, now)) };
            let (others, suspects) = settled.instrument(span).await;
            steps = others?;
            steps.extend(suspects?);
            for step in &steps {
                if let Step::Settled { ticket: Some(ticket), .. } = step {
                    numbers.remove(ticket);
                }
            }
            self.store.spare_numbers(numbers);
        }
        Ok(steps)
    }

    /// Settles submissions until cancelled; what is begun is ended first.
    pub async fn work(self: Arc<Self>, cancel: CancellationToken) {
        // Tasks of their own, so that a batch is settled on one core while another core begins the next.
        let mut lanes = JoinSet::new();
        for lane in 0..LANES {
            let (desk, cancel) = (Arc::clone(&self), cancel.clone());
            lanes.spawn(async move { desk.lane(lane, &cancel).await });
        }
        tokio::join!(
            lanes.join_all(),
            self.gauge(&cancel),
            self.keep_chasing(&cancel),
            self.keep_retention(&cancel),
            self.keep_sweeping(&cancel),
            self.keep_fetching(&cancel),
            self.keep_keys_short(&cancel)
        );
    }

    async fn lane(&self, lane: usize, cancel: &CancellationToken) {
        while !cancel.is_cancelled() {
            self.pulse.beat(lane);
            if self.awaits_directory() {
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_secs(1)) => {}
                    () = cancel.cancelled() => {}
                }
                continue;
            }
            let pause = match self.batch(unix_ms(), BATCH).await {
                Ok(steps) if !steps.is_empty() => {
                    self.well();
                    continue;
                }
                // Leases run out, and other nodes take in, without anybody knocking.
                Ok(_) => Duration::from_secs(1),
                Err(error) => {
                    tracing::error!(%error, "the workers wait for the store");
                    self.troubled(&error);
                    Duration::from_secs(1)
                }
            };
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
                () = cancel.cancelled() => {}
            }
        }
    }

    /// Settles what was claimed together; when the store refuses the whole, one by one.
    async fn settle_claimed(&self, claimed: Vec<Submission>, now: i64) -> Result<Vec<Step>, store::Error> {
        if claimed.is_empty() {
            return Ok(vec![]);
        }
        let alone = claimed.len() == 1;
        let kept = claimed.clone();
        let error = match self.settle_together(claimed, now).await {
            Ok(steps) => return Ok(steps),
            Err(error) => error,
        };
        if error.is_passing() {
            for submission in &kept {
                // When even this fails, the lease runs out by itself.
                self.store.release_submission(submission, 0, false).await?;
            }
            return Err(error);
        }
        let mut steps = vec![];
        for submission in kept {
            if !alone {
                steps.extend(Box::pin(self.settle_claimed(vec![submission], now)).await?);
            } else if submission.failures + 1 < FAILURES {
                tracing::warn!(submission.id, %error, "cannot be settled; tried again");
                self.store.release_submission(&submission, 0, true).await?;
            } else {
                let ends = Stage::Ends(Outcome::Quarantined, format!("it cannot be stored: {error}"));
                steps
                    .extend(self.settle(vec![Item { submission, stage: ends }], &self.sources.load_full(), now).await?);
            }
        }
        Ok(steps)
    }

    async fn settle_together(&self, claimed: Vec<Submission>, now: i64) -> Result<Vec<Step>, store::Error> {
        let sources = self.sources.load_full();
        let signals = self.signals(&claimed).await;
        let items = self.read(claimed, signals, &sources).await;
        let (items, lookups) = self.place(items).await?;
        let items = self.judge(items, &sources, now).await;
        self.settle_checked(items, lookups, &sources, now).await
    }

    /// By which signals those end their reader over which a process may have ended, by their ids.
    async fn signals(&self, claimed: &[Submission]) -> HashMap<String, i32> {
        let Some(program) = self.program.get() else { return HashMap::new() };
        let suspects = claimed.iter().filter(|submission| submission.failures > 0);
        let signals = join_all(suspects.map(async |suspect| {
            let signal = apart::ends_its_reader(program, &self.config, &suspect.id).await?;
            Some((suspect.id.clone(), signal))
        }));
        signals.await.into_iter().flatten().collect()
    }

    async fn read(&self, claimed: Vec<Submission>, signals: HashMap<String, i32>, sources: &Arc<Sources>) -> Vec<Item> {
        let (sources, witness) = (sources.clone(), self.witness.clone());
        parallel(claimed, move |submission| {
            let stage = if let Some(signal) = signals.get(&submission.id) {
                let reason = format!("it ends the process that reads it (signal {signal}); not read again");
                Stage::Ends(Outcome::Quarantined, reason)
            } else if submission.attempts > CLAIMS {
                let reason = format!("taken up {CLAIMS} times without coming to an end; not read again");
                Stage::Ends(Outcome::Quarantined, reason)
            } else {
                let _watched = witness.watch(&submission.id);
                match read::read(&submission, &sources.setting, &sources.hooks) {
                    Reading::Request(request, fingerprint) => Stage::Read(request, fingerprint),
                    Reading::Refused(reason) => Stage::Ends(Outcome::Quarantined, reason),
                    Reading::Failed(panic) => failed(&submission, &panic),
                }
            };
            Item { submission, stage }
        })
        .await
    }

    async fn place(&self, items: Vec<Item>) -> Result<(Vec<Item>, Lookups), store::Error> {
        let lookups = self.look_up(&items).await?;
        let placed = items.into_iter().map(|Item { submission, stage }| {
            let stage = match stage {
                Stage::Read(request, fingerprint) => {
                    let place = place::find(&request, &fingerprint, &self.keys, &lookups);
                    Stage::Placed(request, fingerprint, place)
                }
                other => other,
            };
            Item { submission, stage }
        });
        let placed = placed.collect();
        Ok((placed, lookups))
    }

    async fn judge(&self, items: Vec<Item>, sources: &Arc<Sources>, now: i64) -> Vec<Item> {
        let (sources, witness) = (sources.clone(), self.witness.clone());
        let (config, keys, hours) = (self.config.clone(), self.keys.clone(), self.hours.clone());
        parallel(items, move |Item { submission, stage }| {
            let stage = match stage {
                Stage::Placed(mut request, fingerprint, place @ (Place::On { .. } | Place::New { .. })) => {
                    let _watched = witness.watch(&submission.id);
                    let (directory, rules) = (&sources.directory, &sources.rules);
                    let judged = read::guarded(|| {
                        let listed = judge::as_a_persons(&mut request);
                        let (known, requester) = match &place {
                            Place::On { ticket, .. } => (Some(ticket.known()), ticket.requester_address.as_str()),
                            _ => (None, request.from.address.as_str()),
                        };
                        let mut triage = triage::triage(&request, directory, rules, known.as_ref());
                        let told = triage::told(&request, directory, rules, known.as_ref(), requester, &triage);
                        triage.told = told.map(Box::new);
                        let unknown = rules.unknown_values(&request);
                        let (place, triage) = matter::answered(place, triage, &request, directory, rules);
                        request.oddities.extend(unknown);
                        let judged = Judged::new(&submission, *request, fingerprint, place, triage, rules);
                        let judged = match judged.unless_noted(listed, rules) {
                            Ok(judged) => judged,
                            Err(note) => return note,
                        };
                        let draft = draft::draft(&submission, &judged, sources.means(&config, &keys, &hours), now);
                        Stage::Judged(Box::new(judged), Box::new(draft))
                    });
                    judged.unwrap_or_else(|panic| failed(&submission, &panic))
                }
                other => other,
            };
            Item { submission, stage }
        })
        .await
    }

    /// Settles what still holds; what was judged on something that has changed since is put back.
    async fn settle_checked(
        &self,
        items: Vec<Item>,
        lookups: Lookups,
        sources: &Sources,
        now: i64,
    ) -> Result<Vec<Step>, store::Error> {
        let claimed: Vec<&Submission> = items.iter().map(|item| &item.submission).collect();
        let mut settling = self.store.settling(&claimed).await?;
        let mut names = Names::default();
        let mut tickets = HashSet::new();
        let mut threads = HashSet::new();
        let mut openers = HashSet::new();
        for item in &items {
            if let Some((request, fingerprint)) = item.stage.request() {
                names.add(request, fingerprint);
            }
            tickets.extend(item.stage.ticket().map(|(id, _)| id));
            threads.extend(item.stage.thread());
            openers.extend(item.stage.opener());
        }
        let threads_now = settling.threads(&list(threads)).await?;
        let seen_now = settling.seen(&list(names.message_ids.clone()), &names.fingerprints).await?;
        let versions = settling.versions(&list(tickets)).await?;
        let waited = |id: i64| lookups.waiting.iter().any(|ticket| ticket.id == id);
        let mut waiting_now = settling.waiting_for(&list(openers)).await?;
        waiting_now.retain(|(id, _)| !waited(*id));
        let mut touched = Touched::default();
        let mut back = vec![];
        let mut settled = vec![];
        for item in items {
            if !settling.holds(&item.submission.id) {
                tracing::warn!(submission.id = item.submission.id, "another worker has taken it over");
                continue;
            }
            let stale = item.stage.ticket().is_some_and(|(id, version)| versions.get(&id) != Some(&version));
            let twins = item.stage.request().is_some_and(|(request, fingerprint)| {
                let before = twins(&lookups.seen, request, fingerprint);
                before != twins(&seen_now, request, fingerprint)
            });
            let thread = item.stage.thread();
            let moved = thread.is_some_and(|thread| lookups.threads.get(&thread) != threads_now.get(&thread));
            // Another of his tickets has come to wait for him, which this one may answer.
            let asked = item.stage.opener().is_some_and(|opener| waiting_now.iter().any(|(_, whom)| *whom == opener));
            if stale || twins || moved || asked || !touched.first(&item.stage) {
                back.push(item.submission.id);
            } else {
                settled.push(item);
            }
        }
        if !back.is_empty() {
            settling.put_back(&back).await?;
        }
        self.write(settling, settled, sources, now).await
    }

    /// Settles items that need no check.
    async fn settle(&self, items: Vec<Item>, sources: &Sources, now: i64) -> Result<Vec<Step>, store::Error> {
        let claimed: Vec<&Submission> = items.iter().map(|item| &item.submission).collect();
        let settling = self.store.settling(&claimed).await?;
        let held = items.into_iter().filter(|item| settling.holds(&item.submission.id)).collect();
        self.write(settling, held, sources, now).await
    }

    async fn write(
        &self,
        mut settling: Settling,
        items: Vec<Item>,
        sources: &Sources,
        now: i64,
    ) -> Result<Vec<Step>, store::Error> {
        let judged = |item: &Item| match &item.stage {
            Stage::Judged(judged, _) => Some(judged.request.from.address.to_lowercase()),
            _ => None,
        };
        let mut addresses: Vec<String> = items.iter().filter_map(judged).collect();
        // An answer goes to the ticket's requester, who may write from another address by now.
        addresses.extend(items.iter().filter_map(|item| item.stage.requester()));
        let mut spent = settling.spent(&addresses, self.config.replies.per_desk_per_hour, now).await?;
        let unread: Vec<&str> = items.iter().filter_map(unread_mail).collect();
        let mut quarantined = settling.quarantined(&unread).await?;
        let means = self.means(sources);
        let mut settlements: Vec<Settlement> = vec![];
        let mut steps = vec![];
        let mut dealt = vec![];
        for item in items {
            let unread = unread_mail(&item).map(str::to_owned);
            let Item { submission, stage } = item;
            let settlement = match stage {
                Stage::Again => {
                    settling.put_back_counted(&submission.id).await?;
                    continue;
                }
                Stage::Ends(outcome, because) => {
                    let (outcome, because) = match unread.as_ref().and_then(|hash| quarantined.get(hash)) {
                        Some(twin) => {
                            (Outcome::Duplicate, format!("the same bytes are in quarantine as submission {twin}"))
                        }
                        None => (outcome, because),
                    };
                    judge::nowhere(&submission, outcome, because, None)
                }
                Stage::Placed(_, _, Place::Nowhere { outcome, because, ticket }) => {
                    judge::nowhere(&submission, outcome, because, ticket)
                }
                Stage::Placed(request, fingerprint, Place::Note { ticket, bounced }) => {
                    judge::note(&submission, &request, &fingerprint, &ticket, bounced.as_ref(), means, now)
                }
                Stage::Judged(judged, draft) => judge::settle(&submission, &judged, *draft, means, &mut spent, now),
                Stage::Read(..) | Stage::Placed(..) => continue,
            };
            if let (Some(hash), Outcome::Quarantined) = (unread, settlement.outcome) {
                quarantined.insert(hash, submission.id.clone());
            }
            steps.push(Step::Settled {
                submission: submission.id.clone(),
                outcome: settlement.outcome,
                ticket: settlement.effect.ticket_id,
            });
            settlements.push(settlement);
            dealt.push(submission);
        }
        let sends = settlements.iter().any(|settlement| !settlement.effect.outgoing.is_empty());
        let tripped = match spent.overrun && !spent.held {
            true => Some(self.trip(&mut settling, now).await?),
            false => None,
        };
        settling.commit(settlements, now).await?;
        tripped.into_iter().for_each(|breaker| self.alarm(breaker));
        // Woken only after commit: before it there is nothing to see.
        if sends {
            self.outbox_wake.notify_one();
        }
        count(&dealt, &steps, now);
        Ok(steps)
    }
}

/// The hash of a mail that goes to quarantine: what was not read has no Message-ID to know it by.
fn unread_mail(item: &Item) -> Option<&str> {
    let Item { submission, stage } = item;
    let ends = matches!(stage, Stage::Ends(Outcome::Quarantined, _));
    (ends && submission.kind == Kind::Mail && !submission.raw.is_empty()).then_some(submission.content_hash.as_str())
}

fn failed(submission: &Submission, panic: &str) -> Stage {
    tracing::error!(submission.id, attempts = submission.attempts, panic, "reading or judging failed");
    if submission.failures + 1 < FAILURES {
        Stage::Again
    } else {
        Stage::Ends(Outcome::Quarantined, format!("reading or judging it failed {FAILURES} times: {panic}"))
    }
}

/// Works on the items off the async threads, on all cores when there are many.
async fn parallel<A, B>(items: Vec<A>, work: impl Fn(A) -> B + Clone + Send + 'static) -> Vec<B>
where
    A: Send + 'static,
    B: Send + 'static,
{
    let share = items.len().div_ceil(*CORES).max(8);
    let mut items = items.into_iter();
    let mut tasks = vec![];
    while items.len() > 0 {
        let part: Vec<A> = items.by_ref().take(share).collect();
        let work = work.clone();
        tasks.push(cores::run(move || part.into_iter().map(work).collect::<Vec<B>>()));
    }
    let mut done = vec![];
    for task in tasks {
        match task.await {
            Ok(part) => done.extend(part),
            // Work is behind its own wall; without its results the claims run out and are taken up again.
            Err(error) => tracing::error!(%error, "a part of the batch was lost"),
        }
    }
    done
}

/// Counts and logs each step; `dealt` are their submissions, in the same order.
fn count(dealt: &[Submission], steps: &[Step], now: i64) {
    for (submission, step) in dealt.iter().zip(steps) {
        let Step::Settled { outcome, ticket, .. } = step else { continue };
        let source = submission.source.clone();
        metrics::counter!("deskclerk_submissions_total", "outcome" => outcome.as_str(), "source" => source)
            .increment(1);
        let waited = now.saturating_sub(submission.received_at).max(0) as f64 / 1000.0;
        metrics::histogram!("deskclerk_submission_seconds").record(waited);
        tracing::info!(submission.id, submission.source, outcome = outcome.as_str(), ticket.id = ticket, "settled");
    }
}
