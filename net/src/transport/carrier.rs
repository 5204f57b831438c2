//! What MoQ runs on: `web-transport-quinn`'s session, which panics when it is asked how large a datagram may be on a path
//! whose other end takes none. Anybody may dial so.

use std::task::{Context, Poll};

use bytes::Bytes;
use moq_net::web_transport_trait::{Stats, poll};
use web_transport_quinn::{RecvStream, SendStream, Session, SessionError};

/// A session on a QUIC connection, with datagrams or without.
#[derive(Clone)]
pub(super) struct Carrier {
    session: Session,
    connection: quinn::Connection,
}

impl Carrier {
    pub(super) fn new(connection: quinn::Connection) -> Self {
        Self { session: Session::raw(connection.clone()), connection }
    }
}

impl poll::Session for Carrier {
    type SendStream = SendStream;
    type RecvStream = RecvStream;
    type Error = SessionError;

    fn poll_accept_uni(&mut self, cx: &mut Context<'_>) -> Poll<Result<RecvStream, SessionError>> {
        poll::Session::poll_accept_uni(&mut self.session, cx)
    }

    fn poll_accept_bi(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(SendStream, RecvStream), SessionError>> {
        poll::Session::poll_accept_bi(&mut self.session, cx)
    }

    fn poll_open_uni(&mut self, cx: &mut Context<'_>) -> Poll<Result<SendStream, SessionError>> {
        poll::Session::poll_open_uni(&mut self.session, cx)
    }

    fn poll_open_bi(&mut self, cx: &mut Context<'_>) -> Poll<Result<(SendStream, RecvStream), SessionError>> {
        poll::Session::poll_open_bi(&mut self.session, cx)
    }

    fn poll_send_datagram(&mut self, cx: &mut Context<'_>, payload: &[u8]) -> Poll<Result<(), SessionError>> {
        if self.connection.max_datagram_size().is_none() {
            // As on a path that loses them all.
            return Poll::Ready(Ok(()));
        }
        poll::Session::poll_send_datagram(&mut self.session, cx, payload)
    }

    fn poll_recv_datagram(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, SessionError>> {
        poll::Session::poll_recv_datagram(&mut self.session, cx)
    }

    fn max_datagram_size(&self) -> usize {
        match self.connection.max_datagram_size() {
            Some(_) => poll::Session::max_datagram_size(&self.session),
            None => 0,
        }
    }

    fn protocol(&self) -> Option<&str> {
        poll::Session::protocol(&self.session)
    }

    fn close(&mut self, code: u32, reason: &str) {
        // quinn would forget why the other side has closed it.
        if self.connection.close_reason().is_none() {
            poll::Session::close(&mut self.session, code, reason);
        }
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<SessionError> {
        poll::Session::poll_closed(&mut self.session, cx)
    }

    fn stats(&self) -> impl Stats {
        poll::Session::stats(&self.session)
    }
}
