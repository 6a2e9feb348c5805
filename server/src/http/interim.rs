//! Interim responses: `104 Upload Resumption Supported` goes to a phone while it is still sending.
//!
//! The HTTP library writes final responses only. So every connection is wrapped: what is queued here
//! goes out before anything else, and goes out while the handler still reads the request's bytes,
//! when no final response can be under way.

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// Most bytes that one read takes. The library doubles its buffer whenever a read has filled it, so
/// that without this bound hundreds of uploads would hold hundreds of kilobytes each.
const READ_BYTES_MAX: usize = 64 * 1024;
/// Interim bytes that may wait; a phone that does not read them gets no more.
const QUEUE_BYTES_MAX: usize = 4 * 1024;

/// The way for interim responses to one connection.
#[derive(Clone, Default)]
pub(crate) struct Interim(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    bytes: VecDeque<u8>,
    waker: Option<Waker>,
}

impl Interim {
    /// Queues a whole interim response, head and empty line.
    pub(super) fn send(&self, response: &str) {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.bytes.len() + response.len() <= QUEUE_BYTES_MAX {
            queue.bytes.extend(response.as_bytes());
            if let Some(waker) = queue.waker.take() {
                waker.wake();
            }
        }
    }
}

/// A listener whose connections can say something in between.
pub(crate) struct Announcing(pub(crate) TcpListener);

/// One of its connections.
pub(crate) struct Connection {
    stream: TcpStream,
    interim: Interim,
}

impl Listener for Announcing {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Answers are small and somebody waits for them.
        drop(stream.set_nodelay(true));
        (Connection { stream, interim: Interim::default() }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Announcing>> for Interim {
    fn connect_info(stream: IncomingStream<'_, Announcing>) -> Self {
        stream.io().interim.clone()
    }
}

impl Connection {
    fn poll_queue(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut queue = self.interim.0.lock().unwrap_or_else(PoisonError::into_inner);
            queue.waker = Some(cx.waker().clone());
            if queue.bytes.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let (first, _) = queue.bytes.as_slices();
            match Pin::new(&mut self.stream).poll_write(cx, first) {
                Poll::Ready(Ok(written)) => drop(queue.bytes.drain(..written)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(Err(error)) = self.poll_queue(cx) {
            return Poll::Ready(Err(error));
        }
        let len = buffer.remaining().min(READ_BYTES_MAX);
        let mut bounded = ReadBuf::new(buffer.initialize_unfilled_to(len));
        let polled = Pin::new(&mut self.stream).poll_read(cx, &mut bounded);
        let read = bounded.filled().len();
        buffer.advance(read);
        polled
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.poll_queue(cx))?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_queue(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.poll_queue(cx))?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
