//! What both stores promise, asked of both: a file that one daemon uses, and a PostgreSQL that several replicas share; and of one
//! elsewhere, when `AKSIGHT_TEST_STORE` names it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use aksight::journal::{Claim, Creation, Database, Ending, Error, Journal, Kept, Lease, LockError, Owner, Roster, Seen, Start};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::postgres::{Guest, Postgres};

/// Longer than any test takes.
const LONG: Duration = Duration::from_mins(5);
/// Short enough to run out while a test waits.
const SHORT: Duration = Duration::from_millis(400);

/// Where the store under test is.
enum Place {
    File(tempfile::TempDir),
    Shared(Postgres),
    Elsewhere(Guest),
}

impl Place {
    fn all() -> Vec<Self> {
        let shared = Guest::invited().map_or_else(|| Self::Shared(Postgres::start()), Self::Elsewhere);
        vec![Self::File(tempfile::tempdir().unwrap()), shared]
    }

    async fn open(&self) -> Database {
        match self {
            Self::File(home) => Database::open_file(&home.path().join("roster.db")).await.unwrap(),
            Self::Shared(postgres) => Database::open_shared(&postgres.address()).await.unwrap(),
            Self::Elsewhere(guest) => Database::open_shared(&guest.address()).await.unwrap(),
        }
    }

    async fn roster(&self) -> Roster {
        Roster::of(self.open().await)
    }
}

fn owner(who: &str) -> Owner {
    let since = Timestamp::from_second(1_790_000_000).unwrap();
    Owner { who: who.to_owned(), pid: 7, run: "daemon".to_owned(), command: "daemon".to_owned(), since }
}

fn kept(name: &str, digest: &str, due: Timestamp) -> Kept {
    Kept { name: name.to_owned(), fleet: None, digest: digest.to_owned(), due }
}

fn ending(due: Timestamp) -> Ending {
    Ending { due, failed: false, verified: true, last: json!({"result": "unchanged"}) }
}

fn past() -> Timestamp {
    Timestamp::from_second(1_000).unwrap()
}

fn far() -> Timestamp {
    Timestamp::from_second(9_000_000_000).unwrap()
}

async fn only(roster: &Roster, lasts: Duration) -> Claim {
    let mut claims = roster.claim(&owner("a"), lasts, 5).await.unwrap();
    assert_eq!(claims.len(), 1, "{claims:?}");
    claims.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_claim_at_once_never_get_the_same() {
    for place in Place::all() {
        let roster = place.roster().await;
        let all: Vec<Kept> = (0..120).map(|number| kept(&format!("s{number}"), "d", past())).collect();
        roster.take(&all).await.unwrap();
        let mut workers = tokio::task::JoinSet::new();
        for worker in 0..4 {
            let roster = place.roster().await;
            workers.spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let claims = roster.claim(&owner(&format!("w{worker}")), LONG, 7).await.unwrap();
                    if claims.is_empty() {
                        return mine;
                    }
                    for claim in claims {
                        mine.push(claim.name.clone());
                        assert!(roster.end(&claim.name, claim.lease, &ending(far())).await.unwrap());
                    }
                }
            });
        }
        let mut done: Vec<String> = workers.join_all().await.concat();
        done.sort();
        assert_eq!((done.len(), done.iter().collect::<BTreeSet<_>>().len()), (120, 120));
        let entries = roster.all().await.unwrap();
        assert!(entries.iter().all(|entry| entry.looks == 1 && entry.verified.is_some() && entry.running.is_none()));
    }
}

/// What a process that dies leaves: a lease that nobody renews.
async fn dies_with(place: &Place, lasts: Duration) -> Claim {
    let roster = place.roster().await;
    std::thread::scope(|scope| {
        let claimed = scope.spawn(|| {
            let runtime = Runtime::new().unwrap();
            let claim = runtime.block_on(only(&roster, lasts));
            runtime.shutdown_background();
            claim
        });
        claimed.join().unwrap()
    })
}

#[expect(clippy::disallowed_methods, reason = "the database's clock is awaited")]
async fn claimed_again(roster: &Roster) -> Claim {
    let began = Instant::now();
    loop {
        if let Some(claim) = roster.claim(&owner("b"), LONG, 1).await.unwrap().pop() {
            return claim;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "the lease does not run out");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_not_heard_of_is_overtaken_and_writes_nothing_more() {
    for place in Place::all() {
        let roster = place.roster().await;
        roster.take(&[kept("s", "d", far())]).await.unwrap();
        assert!(roster.ask("s", &json!({"heal": true})).await.unwrap());
        let zombie = dies_with(&place, SHORT).await;
        let journal = zombie.lease.journal();
        let start = Start { command: "reconcile".to_owned(), version: "0".to_owned(), pid: 7 };
        let run = journal.begin(&start, past()).await.unwrap();
        let begun = journal.intend(&run, "dcr", &json!(1), past()).await.unwrap();
        let next = claimed_again(&roster).await;
        assert!(next.lease.fence() > zombie.lease.fence());
        // What the dead one was asked to do is still asked.
        assert_eq!(next.asked, Some(json!({"heal": true})));
        // It wakes: whatever it writes is refused, and what it had begun stays open.
        let fenced = |error: Error| assert!(matches!(error, Error::Fenced { .. }), "{error:?}");
        fenced(journal.intend(&run, "role", &json!(2), past()).await.unwrap_err());
        fenced(journal.settle(begun, "done", &Value::Null, past()).await.unwrap_err());
        fenced(journal.put_output(&run, "x", &json!(1), past()).await.unwrap_err());
        let creation = Creation { address: "a.b".to_owned(), id: None };
        fenced(journal.expect_creations(&run, &[creation], past()).await.unwrap_err());
        fenced(journal.begin(&start, past()).await.unwrap_err());
        fenced(journal.end(&run, "changed", &Value::Null, past()).await.unwrap_err());
        assert!(!roster.end("s", zombie.lease, &ending(far())).await.unwrap());
        let open = next.lease.journal().open_intents().await.unwrap();
        assert_eq!(open.iter().map(|intent| intent.unit.as_str()).collect::<Vec<_>>(), ["dcr"]);
        assert!(roster.end("s", next.lease, &ending(far())).await.unwrap());
        assert_eq!(roster.one("s").await.unwrap().unwrap().looks, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_works_longer_than_a_lease_keeps_it() {
    for place in Place::all() {
        let roster = place.roster().await;
        roster.take(&[kept("s", "d", past())]).await.unwrap();
        let claim = only(&roster, Duration::from_secs(1)).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(roster.claim(&owner("b"), LONG, 1).await.unwrap().is_empty());
        assert!(!claim.lease.lost().is_cancelled());
        assert!(roster.end("s", claim.lease, &ending(far())).await.unwrap());
    }
}

/// A holder that was frozen for too long, as its heart sees it when it beats again.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_is_told_to_who_works() {
    let postgres = Postgres::start();
    let roster = Roster::of(Database::open_shared(&postgres.address()).await.unwrap());
    roster.take(&[kept("s", "d", past())]).await.unwrap();
    let claim = only(&roster, Duration::from_secs(2)).await;
    postgres.ask("UPDATE stacks SET fence = fence + 1, holder = 'another'");
    tokio::time::timeout(Duration::from_secs(20), claim.lease.lost().cancelled()).await.unwrap();
}

/// Nobody answers: the lease is given up by our own clock before the database's lets anybody else have it.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_cannot_be_renewed_is_given_up_in_time() {
    let mut postgres = Postgres::start();
    let roster = Roster::of(Database::open_shared(&postgres.address()).await.unwrap());
    roster.take(&[kept("s", "d", past())]).await.unwrap();
    let asked = Instant::now();
    let claim = only(&roster, Duration::from_secs(3)).await;
    postgres.stop();
    tokio::time::timeout(Duration::from_secs(20), claim.lease.lost().cancelled()).await.unwrap();
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn stacks_come_stay_change_and_go() {
    for place in Place::all() {
        let roster = place.roster().await;
        roster.take(&[kept("a", "1", far()), kept("b", "1", past())]).await.unwrap();
        let b = only(&roster, LONG).await;
        assert_eq!((b.name.as_str(), b.digest.as_str(), b.looks), ("b", "1", 0));
        assert!(roster.end("b", b.lease, &ending(far())).await.unwrap());
        assert!(roster.claim(&owner("a"), LONG, 5).await.unwrap().is_empty());
        // The same again changes nothing; another wish is due at once; what is gone is left alone and keeps its history.
        roster.take(&[kept("a", "1", past()), kept("b", "1", past())]).await.unwrap();
        assert!(roster.claim(&owner("a"), LONG, 5).await.unwrap().is_empty());
        roster.take(&[kept("a", "1", past()), kept("b", "2", far())]).await.unwrap();
        let b = only(&roster, LONG).await;
        assert_eq!((b.name.as_str(), b.digest.as_str(), b.looks), ("b", "2", 1));
        roster.put_back("b", b.lease, past()).await.unwrap();
        roster.take(&[kept("a", "1", past())]).await.unwrap();
        assert!(roster.claim(&owner("a"), LONG, 5).await.unwrap().is_empty());
        assert_eq!(roster.all().await.unwrap().len(), 1);
        assert!(roster.one("b").await.unwrap().is_none() && !roster.ask("b", &json!({})).await.unwrap());
        assert_eq!(roster.changed_since(0).await.unwrap().iter().filter(|entry| !entry.kept).count(), 1);
        roster.take(&[kept("a", "1", past()), kept("b", "2", far())]).await.unwrap();
        assert_eq!(roster.one("b").await.unwrap().unwrap().looks, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_made_up_or_passed_over() {
    for place in Place::all() {
        let roster = place.roster().await;
        let all = [kept("a", "1", far()), kept("b", "1", far())];
        roster.take(&[kept("a", "1", past()), kept("b", "1", far())]).await.unwrap();
        assert_eq!(roster.next_due().await.unwrap(), Some(Duration::ZERO));
        roster.skip_missed(&all).await.unwrap();
        assert!(roster.next_due().await.unwrap().unwrap() > LONG);
        assert!(roster.claim(&owner("a"), LONG, 5).await.unwrap().is_empty());
        roster.rush().await.unwrap();
        assert_eq!(roster.claim(&owner("a"), LONG, 5).await.unwrap().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_soon_is_known_before_it_is_anybodys() {
    for place in Place::all() {
        let roster = place.roster().await;
        let soon = Timestamp::now() + Duration::from_secs(40);
        let due = [("later", soon), ("far", far()), ("due", past()), ("held", Timestamp::UNIX_EPOCH), ("asked", past())];
        roster.take(&due.map(|(name, due)| kept(name, "d", due))).await.unwrap();
        let held = roster.claim(&owner("a"), LONG, 1).await.unwrap();
        assert_eq!((held[0].name.as_str(), held[0].failures, &held[0].last), ("held", 0, &None));
        assert!(roster.ask("asked", &json!({})).await.unwrap());
        let names = async |within, most| {
            let found = roster.soon(Duration::from_secs(within), most).await.unwrap();
            found.into_iter().map(|entry| entry.name).collect::<Vec<_>>()
        };
        assert_eq!(names(60, 9).await, ["due", "later"]);
        assert_eq!((names(0, 9).await, names(60, 1).await), (vec!["due".to_owned()], vec!["due".to_owned()]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_in_a_row_are_counted_and_settings_are_everybodys() {
    for place in Place::all() {
        let roster = place.roster().await;
        roster.take(&[kept("s", "d", past())]).await.unwrap();
        for (failed, counted) in [(true, 1), (true, 2), (false, 0)] {
            let claim = only(&roster, LONG).await;
            assert!(roster.end("s", claim.lease, &Ending { failed, verified: false, ..ending(past()) }).await.unwrap());
            let entry = roster.one("s").await.unwrap().unwrap();
            assert_eq!((entry.failures, entry.verified), (counted, None));
        }
        let claim = only(&roster, LONG).await;
        let entry = roster.one("s").await.unwrap().unwrap();
        assert_eq!((claim.failures, claim.last.clone()), (entry.failures, entry.last));
        roster.put_back("s", claim.lease, past()).await.unwrap();
        assert_eq!(roster.setting("frozen").await.unwrap(), None);
        roster.set("frozen", &json!(true)).await.unwrap();
        roster.set("frozen", &json!(false)).await.unwrap();
        assert_eq!(place.roster().await.setting("frozen").await.unwrap(), Some(json!(false)));
        assert!(roster.reject("s", &json!({"plan": "p"})).await.unwrap());
        assert_eq!(roster.one("s").await.unwrap().unwrap().rejected, Some(json!({"plan": "p"})));
        let (now, ours) = (roster.now().await.unwrap(), Timestamp::now());
        assert!(ours.duration_since(now).abs().as_secs() < 60, "{now} {ours}");
    }
}

/// A command takes a stack as a daemon does, and each is told of the other.
#[tokio::test(flavor = "multi_thread")]
async fn commands_and_daemons_exclude_each_other() {
    for place in Place::all() {
        let (db, roster) = (place.open().await, place.roster().await);
        roster.take(&[kept("s", "d", past())]).await.unwrap();
        let lease = Lease::acquire(&db, "s", &owner("ada@host"), LONG).await.unwrap();
        assert!(roster.claim(&owner("d"), LONG, 5).await.unwrap().is_empty());
        let refused = Lease::acquire(&db, "s", &owner("bob@host"), LONG).await.unwrap_err();
        let LockError::Held(locked) = &refused else { panic!("{refused:?}") };
        assert_eq!(locked.owner.as_ref().map(|owner| owner.who.as_str()), Some("ada@host"));
        assert!(locked.age.is_some_and(|age| age.as_secs() < 60));
        lease.release().await;
        let claim = only(&roster, LONG).await;
        let refused = Lease::acquire(&db, "s", &owner("bob@host"), LONG).await.unwrap_err();
        assert!(matches!(refused, LockError::Held(_)), "{refused:?}");
        roster.put_back("s", claim.lease, past()).await.unwrap();
        Lease::acquire(&db, "new", &owner("bob@host"), LONG).await.unwrap().release().await;
        assert_eq!(roster.all().await.unwrap().len(), 1, "a stack that a command worked on is not the daemon's");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn journals_of_stacks_do_not_mix_and_forget_what_is_old() {
    for place in Place::all() {
        let db = place.open().await;
        let start = Start { command: "reconcile".to_owned(), version: "0.1.0".to_owned(), pid: 7 };
        let (one, two) = (Journal::of(&db, "one"), Journal::of(&db, "two"));
        let run = one.begin(&start, past()).await.unwrap();
        let intent = one.intend(&run, "dcr", &json!({"put": 1}), past()).await.unwrap();
        let operation = one.accept(intent, &json!({"url": "https://poll"}), past()).await.unwrap();
        assert_eq!((one.open_intents().await.unwrap().len(), two.open_intents().await.unwrap().len()), (1, 0));
        assert_eq!((one.open_operations().await.unwrap()[0].id, two.open_operations().await.unwrap().len()), (operation, 0));
        one.settle(intent, "done", &json!("read back"), past()).await.unwrap();
        assert_eq!(one.findings(&run).await.unwrap()[0].evidence, json!("read back"));
        assert_eq!((one.open_operations().await.unwrap().len(), two.findings(&run).await.unwrap().len()), (0, 0));
        one.put_output(&run, "x", &json!({"a": "ü"}), past()).await.unwrap();
        assert_eq!((one.output("x").await.unwrap(), two.output("x").await.unwrap()), (Some(json!({"a": "ü"})), None));
        let creation = Creation { address: "a.b".to_owned(), id: None };
        one.expect_creations(&run, std::slice::from_ref(&creation), past()).await.unwrap();
        assert_eq!((one.expected_creations().await.unwrap(), two.expected_creations().await.unwrap()), (vec![creation], vec![]));
        let seen = [Seen { key: "k".to_owned(), by: None }];
        for times in [1, 1] {
            let episodes = one.drift_seen(&run, "fast", &seen, true, (past(), past())).await.unwrap();
            assert_eq!(episodes["k"].times, times);
        }
        one.end(&run, "drifted", &json!({"number": 0}), past()).await.unwrap();
        for number in 1..=210 {
            let run = one.begin(&start, past()).await.unwrap();
            let step = one.intend(&run, "dcr", &json!(number), past()).await.unwrap();
            one.accept(step, &json!(number), past()).await.unwrap();
            one.put_output(&run, "checks", &json!(number), past()).await.unwrap();
            one.put_output(&run, &format!("plan:{number}"), &json!(number), past()).await.unwrap();
            one.end(&run, "unchanged", &json!({"number": number}), past()).await.unwrap();
        }
        // What is old is forgotten: reports first, plans and runs later, the last of every other name never.
        let runs = one.last_runs(500).await.unwrap();
        assert_eq!(
            (one.report(&runs[0].id).await.unwrap(), one.report(&runs[20].id).await.unwrap()),
            (Some(json!({"number": 210})), None)
        );
        assert_eq!((one.output("plan:11").await.unwrap(), one.output("plan:10").await.unwrap()), (Some(json!(11)), None));
        assert_eq!(
            (one.output("x").await.unwrap(), one.output("checks").await.unwrap()),
            (Some(json!({"a": "ü"})), Some(json!(210)))
        );
        assert_eq!(one.open_operations().await.unwrap().len(), 200);
        // Of the older ones those stay that something else still names: a value, a creation, a drift.
        assert_eq!((runs.len(), two.last_runs(50).await.unwrap().len()), (201, 0));
        assert_eq!((one.report(&run).await.unwrap(), two.run(run.as_str()).await.unwrap()), (None, None));
        assert_eq!(one.run(run.as_str()).await.unwrap().and_then(|run| run.outcome).as_deref(), Some("drifted"));
    }
}

/// Several processes may bring a new database up to date at once, and a restart in the middle is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_restarts_is_waited_for() {
    let mut postgres = Postgres::start();
    let address = postgres.address();
    let opened = futures::future::join_all((0..4).map(|_| Database::open_shared(&address))).await;
    let roster = Roster::of(opened.into_iter().map(Result::unwrap).next_back().unwrap());
    roster.take(&[kept("s", "d", past())]).await.unwrap();
    postgres.stop();
    assert!(!roster.database().answers().await);
    let asking = tokio::spawn({
        let roster = roster.clone();
        async move { roster.all().await.map(|all| all.len()) }
    });
    let postgres = tokio::task::spawn_blocking(move || {
        postgres.resume();
        postgres
    });
    let _postgres = postgres.await.unwrap();
    assert_eq!(asking.await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn an_address_that_is_none_is_said_without_being_shown() {
    for text in ["mysql://u:hunter2@h/d", "hunter2"] {
        let error = Database::open_shared(&aksight::base::Secret::new(text.to_owned())).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}
