//! A line that a test holds in its hand: connections go through it to wherever it points, and are cut
//! when it is told so.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How many bytes one connection lets through before it is cut: those sent, and those that come back.
pub(crate) type Patience = (usize, usize);

/// A connection that is never cut.
pub(crate) const ENDLESS: Patience = (usize::MAX, usize::MAX);

/// Patience that differs from connection to connection: every third is cut in what is sent, every
/// third in what comes back, after at most so many bytes, and small numbers are as likely as large ones.
pub(crate) fn impatience(seed: u64) -> impl FnMut(usize) -> Patience + Send + 'static {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    move |bytes_max| {
        let magnitude = 1 + dice.next_u64() % u64::from(bytes_max.ilog2());
        let bytes = usize::try_from(dice.next_u64() % (1 << magnitude)).expect("it is below");
        match dice.next_u64() % 3 {
            0 => (bytes, usize::MAX),
            1 => (usize::MAX, bytes),
            _ => (bytes_max, bytes_max),
        }
    }
}

/// Where new connections go, and what becomes of those there are.
#[derive(Clone, Copy)]
struct Target {
    port: Option<u16>,
    is_silent: bool,
}

/// A line to a port of this machine.
pub(crate) struct Proxy {
    port: u16,
    target: watch::Sender<Target>,
    lines: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// A line to this port, which never breaks by itself.
    pub(crate) async fn to(port: u16) -> Self {
        Self::cutting(port, |_| ENDLESS).await
    }

    /// A line to this port; `patience` says how much its `n`th connection lets through.
    pub(crate) async fn cutting(
        port: u16,
        mut patience: impl FnMut(usize) -> Patience + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let own = listener.local_addr().expect("an address").port();
        let (target, aim) = watch::channel(Target { port: Some(port), is_silent: false });
        let lines = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&lines);
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let n = counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(carry(near, aim.clone(), patience(n)));
            }
        });
        Self { port: own, target, lines, task }
    }

    /// Where to connect to.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// How many connections there were.
    pub(crate) fn lines(&self) -> usize {
        self.lines.load(Ordering::Relaxed)
    }

    /// Cuts all connections; new ones go to this port, or are cut at once where there is none.
    pub(crate) fn point_to(&self, port: Option<u16>) {
        self.target.send_replace(Target { port, is_silent: false });
    }

    /// Lets no byte through any more and cuts nothing, as where a machine lost its power; new
    /// connections go to this port.
    pub(crate) fn fall_silent(&self, port: u16) {
        self.target.send_replace(Target { port: Some(port), is_silent: true });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.point_to(None);
        self.task.abort();
    }
}

/// Carries bytes both ways, until one side ends, the patience does, or the line is pointed elsewhere.
async fn carry(mut near: TcpStream, mut aim: watch::Receiver<Target>, patience: Patience) {
    let Some(port) = aim.borrow_and_update().port else { return };
    let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    for stream in [&near, &far] {
        stream.set_nodelay(true).expect("a stream that is open");
    }
    let (mut near_in, mut near_out) = near.split();
    let (mut far_in, mut far_out) = far.split();
    tokio::select! {
        _ = pass(&mut near_in, &mut far_out, patience.0) => {}
        _ = pass(&mut far_in, &mut near_out, patience.1) => {}
        _ = aim.changed() => {
            while aim.borrow_and_update().is_silent && aim.changed().await.is_ok() {}
        }
    }
}

/// Passes on at most so many bytes.
async fn pass(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut bytes_max: usize,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    while bytes_max > 0 {
        let room = buffer.len().min(bytes_max);
        let len = from.read(&mut buffer[..room]).await?;
        if len == 0 {
            break;
        }
        to.write_all(&buffer[..len]).await?;
        bytes_max -= len;
    }
    Ok(())
}
