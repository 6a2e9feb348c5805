//! PostgreSQL that goes away: restarted under load, and lost together with its machine while a
//! standby takes over. The server lives through it and heals by itself; phones keep what was not
//! answered, and what a standby lacks they send again without being asked.

use crate::hand::{Crew, faults_factor};
use crate::host::{End, Host, url};
use crate::process::Process;
use crate::proxy::{ENDLESS, Proxy, impatience};
use crate::world::World;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const PHONES: u64 = 4;
const OPS: usize = 60;
/// What phones may be told while the database is away: nothing else, and no 500 above all.
const AWAY: [(u16, &str); 2] = [(503, "database_unavailable"), (503, "overloaded")];

/// Runs a test where PostgreSQL is installed.
fn with_postgres(name: &str, test: impl Future<Output = Option<()>>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    if runtime.block_on(test).is_none() {
        eprintln!("{name}: skipped, PostgreSQL is not installed");
    }
}

#[test]
fn a_database_restarted_under_load_loses_nothing_and_the_server_heals_by_itself() {
    with_postgres("a database restarted under load", async {
        let mut host = Host::start().await?;
        let mut world = World::on(url(host.port())).await;
        let wang = world.actor("wang").await;
        world.stop().await;
        let mut process = Process::start(&world);
        let crew = Crew::set_out(&wang, &process.base, PHONES, OPS * faults_factor());
        let ends = [End::Immediate, End::Fast, End::Immediate];
        for end in ends.repeat(faults_factor()) {
            crew.answered(20).await;
            host.end(end);
            host.start_again().await;
        }
        let told = crew.come_home().await;
        told.is_kept_in(&world).await;
        told.assert_failed_only_with(&AWAY);
        told.stands(&wang, &process.base).await;
        assert!(process.runs(), "the server was never started again");
        process.kill();
        Some(())
    });
}

#[test]
fn lines_to_the_database_that_break_at_any_byte_lose_nothing() {
    with_postgres("lines to the database that break", async {
        let host = Host::start().await?;
        let is_breaking = Arc::new(AtomicBool::new(false));
        let mut patience = impatience(7);
        let line = Proxy::cutting(host.port(), {
            let is_breaking = Arc::clone(&is_breaking);
            move |_| if is_breaking.load(Ordering::Acquire) { patience(1 << 18) } else { ENDLESS }
        });
        let line = line.await;
        let mut world = World::on(url(line.port())).await;
        let wang = signed_in(&mut world).await;
        let mut process = Process::start(&world);
        is_breaking.store(true, Ordering::Release);
        line.point_to(Some(host.port()));
        let crew = Crew::set_out(&wang, &process.base, PHONES, OPS * faults_factor());
        let told = crew.come_home().await;
        let lines = line.lines();
        is_breaking.store(false, Ordering::Release);
        line.point_to(Some(host.port()));
        told.is_kept_in(&world).await;
        told.assert_failed_only_with(&AWAY);
        told.stands(&wang, &process.base).await;
        assert!(lines > 20, "{lines} lines");
        assert!(process.runs(), "the server was never started again");
        process.kill();
        Some(())
    });
}

/// A server's database with a standby behind it.
struct Pair {
    primary: Host,
    standby: Host,
    /// From the server to whichever is the primary.
    line: Proxy,
    /// From the standby to the primary.
    feed: Proxy,
    world: World,
}

impl Pair {
    async fn new() -> Option<Self> {
        let primary = Host::start().await?;
        let line = Proxy::to(primary.port()).await;
        let mut world = World::on(url(line.port())).await;
        world.stop().await;
        let feed = Proxy::to(primary.port()).await;
        let standby = Host::following(feed.port()).await;
        primary
            .until("select count(*) from pg_stat_replication where state = 'streaming'", 1)
            .await;
        Some(Self { primary, standby, line, feed, world })
    }

    /// The machine of the primary is lost; the standby takes over.
    async fn fail_over(&mut self) {
        self.primary.end(End::Killed);
        self.line.point_to(None);
        self.standby.promote().await;
    }
}

#[test]
fn what_a_standby_lacks_that_took_over_phones_send_again_by_themselves() {
    with_postgres("a standby that lags takes over", async {
        let mut pair = Pair::new().await?;
        let wang = signed_in(&mut pair.world).await;
        let mut process = Process::start(&pair.world);
        let caught_up = pair.primary.number("select (pg_current_wal_lsn() - '0/0')::bigint").await;
        let behind =
            format!("select count(*) where pg_last_wal_replay_lsn() - '0/0' < {caught_up}");
        pair.standby.until(&behind, 0).await;
        let crew = Crew::set_out(&wang, &process.base, PHONES, OPS);
        crew.answered(40).await;
        // From here on nothing reaches the standby, and phones are answered all the same.
        pair.feed.point_to(None);
        crew.answered(40).await;
        let answered = crew.told().answered.len();
        pair.fail_over().await;
        let had = pair.standby.number("select count(*) from op where kind = 'visit'").await;
        let had = usize::try_from(had).expect("a count");
        assert!(had < answered, "the standby lacks something: {had} of {answered}");
        pair.line.point_to(Some(pair.standby.port()));
        let told = crew.come_home().await;
        told.is_kept_in(&pair.world).await;
        told.assert_failed_only_with(&AWAY);
        assert!(process.runs(), "the server was never started again");
        process.kill();
        Some(())
    });
}

#[test]
fn what_was_answered_is_on_a_synchronous_standby_when_it_takes_over() {
    with_postgres("a synchronous standby takes over", async {
        let mut pair = Pair::new().await?;
        let wang = signed_in(&mut pair.world).await;
        pair.primary.execute("alter system set synchronous_standby_names = '*'").await;
        pair.primary.execute("alter system set synchronous_commit = 'remote_apply'").await;
        pair.primary.execute("select pg_reload_conf()").await;
        let synchronous = "select count(*) from pg_stat_replication where sync_state = 'sync'";
        pair.primary.until(synchronous, 1).await;
        let mut process = Process::start(&pair.world);
        let crew = Crew::set_out(&wang, &process.base, PHONES, OPS);
        crew.answered(60).await;
        pair.fail_over().await;
        let answered: BTreeSet<_> = crew.told().answered.keys().copied().collect();
        for op in &answered {
            let kept = format!("select count(*) from op where op_id = '{op}'");
            assert_eq!(pair.standby.number(&kept).await, 1, "{op} was answered");
        }
        pair.line.point_to(Some(pair.standby.port()));
        let told = crew.come_home().await;
        told.is_kept_in(&pair.world).await;
        told.assert_failed_only_with(&AWAY);
        told.stands(&wang, &process.base).await;
        assert!(process.runs(), "the server was never started again");
        process.kill();
        Some(())
    });
}

/// It takes two minutes: `cargo test -p saolou-tests --test it a_primary_that -- --ignored`.
#[test]
#[ignore = "it waits until the server gives up a connection that says nothing"]
fn a_primary_that_falls_silent_is_given_up_and_the_server_heals_by_itself() {
    with_postgres("a primary that falls silent", async {
        let mut pair = Pair::new().await?;
        let wang = signed_in(&mut pair.world).await;
        let mut process = Process::start(&pair.world);
        let crew = Crew::set_out(&wang, &process.base, PHONES, OPS);
        crew.answered(40).await;
        pair.standby.promote().await;
        pair.line.fall_silent(pair.standby.port());
        let told = crew.come_home().await;
        told.is_kept_in(&pair.world).await;
        let ways = [(503, "database_unavailable"), (503, "overloaded"), (0, "")];
        told.assert_failed_only_with(&ways);
        assert!(process.runs(), "the server was never started again");
        process.kill();
        Some(())
    });
}

/// Wang, signed in while a server of this process runs.
async fn signed_in(world: &mut World) -> crate::actors::Actor {
    world.start().await;
    let wang = world.actor("wang").await;
    world.stop().await;
    wang
}
