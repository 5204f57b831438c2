//! Two links between UDP sockets.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use crate::UDP_IPV4_BYTES;
use crate::impairment::Impairment;
use crate::link::{Link, LinkStatistics};

/// The longest UDP payload.
const MAX_DATAGRAM: usize = 65_535;
/// Clients beyond this get no answer.
const MAX_CLIENTS: usize = 4096;
/// Packets from the target that wait for the loop.
const WAITING: usize = 4096;

/// A UDP proxy on 127.0.0.1 before one target: what clients send to it takes the way *up*, what the target answers the
/// way *down*. All clients share both. It has a thread of its own and ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    commands: mpsc::UnboundedSender<(Command, Done)>,
    shared: Arc<Mutex<ProxyStatistics>>,
    thread: Option<JoinHandle<()>>,
}

/// What has gone through a proxy. Bytes include IPv4's and UDP's headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProxyStatistics {
    /// From clients to the target.
    pub up: LinkStatistics,
    /// From the target to clients.
    pub down: LinkStatistics,
    /// How long a packet that came last had to wait for the narrow link, up and down.
    pub queues: [Duration; 2],
    /// Clients that there have been.
    pub clients: u64,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a handful is ever sent")]
enum Command {
    Set(Impairment, Impairment),
    Target(SocketAddr),
    ChangeAddresses,
}

/// Closes when a command is carried out.
type Done = std::sync::mpsc::SyncSender<()>;

impl Proxy {
    /// Starts one. The seed decides all that is left to chance.
    pub fn start(target: SocketAddr, up: Impairment, down: Impairment, seed: u64) -> io::Result<Self> {
        let front = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        front.set_nonblocking(true)?;
        let address = front.local_addr()?;
        let (commands, receiver) = mpsc::unbounded_channel();
        let shared = Arc::new(Mutex::new(ProxyStatistics::default()));
        let statistics = Arc::clone(&shared);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let links = [Link::new(up, seed), Link::new(down, !seed)];
        let thread = std::thread::Builder::new().name("visavis-impair".to_owned()).spawn(move || {
            runtime.block_on(async {
                let Ok(front) = UdpSocket::from_std(front) else { return };
                let (answers, from_target) = mpsc::channel(WAITING);
                let state = State {
                    front,
                    target,
                    links,
                    clients: HashMap::new(),
                    answers,
                    start: Instant::now(),
                    shared: statistics,
                };
                state.run(receiver, from_target).await;
            });
        })?;
        Ok(Self { address, commands, shared, thread: Some(thread) })
    }

    /// Where clients send to instead of the target.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is wrong from now on, up and down. Like the two below, it holds for all that is sent after it returns.
    pub fn set(&self, up: Impairment, down: Impairment) {
        self.tell(Command::Set(up, down));
    }

    /// Another target: a server that was restarted on another port.
    pub fn set_target(&self, target: SocketAddr) {
        self.tell(Command::Target(target));
    }

    /// From now on the target sees every client under a new port, and what it sends to the old one is lost: an address
    /// change, as of a phone that goes from Wi-Fi to the mobile network behind the same proxy.
    pub fn change_addresses(&self) {
        self.tell(Command::ChangeAddresses);
    }

    /// What has gone through so far.
    pub fn statistics(&self) -> ProxyStatistics {
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, command: Command) {
        let (done, carried_out) = std::sync::mpsc::sync_channel(0);
        // The thread ends only when this is dropped, or when the system gives it no socket: then nothing goes through.
        if self.commands.send((command, done)).is_ok() {
            let _ = carried_out.recv();
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Closing the channel ends the loop.
        self.commands = mpsc::unbounded_channel().0;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A packet on its way.
#[derive(Clone, Debug)]
struct Packet {
    client: SocketAddr,
    payload: Arc<[u8]>,
}

/// A client's socket towards the target, and the task that reads it.
struct Client {
    socket: Arc<UdpSocket>,
    reader: tokio::task::JoinHandle<()>,
    /// Its address has changed: the socket only keeps the system from giving the same port again.
    moved: bool,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

struct State {
    front: UdpSocket,
    target: SocketAddr,
    /// Up, down.
    links: [Link<Packet>; 2],
    clients: HashMap<SocketAddr, Client>,
    answers: mpsc::Sender<Packet>,
    start: Instant,
    shared: Arc<Mutex<ProxyStatistics>>,
}

impl State {
    async fn run(
        mut self,
        mut commands: mpsc::UnboundedReceiver<(Command, Done)>,
        mut from_target: mpsc::Receiver<Packet>,
    ) {
        let mut buffer = vec![0; MAX_DATAGRAM];
        loop {
            let next = self.links.iter().filter_map(Link::next).min();
            let due = tokio::time::Instant::from_std(self.start + next.unwrap_or(Duration::from_millis(100)));
            tokio::select! {
                command = commands.recv() => {
                    let Some((command, _done)) = command else { return };
                    self.carry_out(command);
                }
                // A port that nobody listens on any more answers with an error: the network is still there.
                Ok((length, client)) = self.front.recv_from(&mut buffer) => {
                    self.enter(0, Packet { client, payload: buffer[..length].into() });
                }
                Some(packet) = from_target.recv() => self.enter(1, packet),
                () = tokio::time::sleep_until(due) => {}
            }
            self.deliver().await;
        }
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Set(up, down) => {
                self.links[0].set(up);
                self.links[1].set(down);
            }
            Command::Target(target) => self.target = target,
            Command::ChangeAddresses => {
                for client in self.clients.values_mut() {
                    client.reader.abort();
                    client.moved = true;
                }
            }
        }
    }

    fn enter(&mut self, way: usize, packet: Packet) {
        let now = self.start.elapsed();
        let bytes = packet.payload.len() + UDP_IPV4_BYTES;
        self.links[way].send(now, bytes, packet);
        let queue = self.links[way].queue(now);
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.queues[way] = queue;
    }

    async fn deliver(&mut self) {
        let now = self.start.elapsed();
        while let Some(Packet { client, payload }) = self.links[0].receive(now) {
            if let Some(socket) = self.socket(client).await {
                // Lost, as on any network, where nobody listens.
                let _ = socket.send_to(&payload, self.target).await;
            }
        }
        while let Some(Packet { client, payload }) = self.links[1].receive(now) {
            let _ = self.front.send_to(&payload, client).await;
        }
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        (shared.up, shared.down) = (self.links[0].statistics(), self.links[1].statistics());
    }

    /// The socket that stands for a client before the target.
    async fn socket(&mut self, client: SocketAddr) -> Option<Arc<UdpSocket>> {
        match self.clients.get(&client) {
            Some(known) if !known.moved => return Some(Arc::clone(&known.socket)),
            None if self.clients.len() >= MAX_CLIENTS => return None,
            _ => {}
        }
        let socket = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.ok()?);
        let (reading, answers) = (Arc::clone(&socket), self.answers.clone());
        let reader = tokio::spawn(async move {
            let mut buffer = vec![0; MAX_DATAGRAM];
            loop {
                // Errors say that the target's port is closed; it may come back.
                match reading.recv_from(&mut buffer).await {
                    Ok((length, _)) => {
                        // A loop that can't keep up loses packets, as a router does.
                        let _ = answers.try_send(Packet { client, payload: buffer[..length].into() });
                    }
                    Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
                }
            }
        });
        self.clients.insert(client, Client { socket: Arc::clone(&socket), reader, moved: false });
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.clients += 1;
        Some(socket)
    }
}
