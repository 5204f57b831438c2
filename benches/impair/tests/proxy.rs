//! The proxy between real sockets. Times are only bounded where the machine's load can't break them.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use visavis_impair::{Impairment, Loss, Proxy};

const PATIENCE: Duration = Duration::from_secs(20);

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

#[test]
fn packets_go_both_ways_and_take_their_time() {
    let (server, client) = (socket(), socket());
    let delay = Duration::from_millis(50);
    let bad = Impairment { delay, ..Impairment::default() };
    let proxy = Proxy::start(server.local_addr().unwrap(), bad, bad, 1).unwrap();
    let start = Instant::now();
    client.send_to(b"ping", proxy.address()).unwrap();
    let mut buffer = [0; 100];
    let (length, from) = server.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"ping");
    assert!(start.elapsed() >= delay);
    server.send_to(b"pong!", from).unwrap();
    let (length, _) = client.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"pong!");
    assert!(start.elapsed() >= 2 * delay);
    // Statistics are written just after a packet is sent on.
    while proxy.statistics().down.arrived == 0 {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(1));
    }
    let statistics = proxy.statistics();
    assert_eq!((statistics.up.sent_bytes, statistics.down.arrived_bytes), (32, 33));
    assert_eq!(statistics.clients, 1);
}

#[test]
fn an_address_changes_and_a_cut_ends() {
    let (server, client) = (socket(), socket());
    let proxy =
        Proxy::start(server.local_addr().unwrap(), Impairment::default(), Impairment::default(), 1).unwrap();
    let mut buffer = [0; 100];
    client.send_to(b"1", proxy.address()).unwrap();
    let (_, first) = server.recv_from(&mut buffer).unwrap();
    proxy.change_addresses();
    client.send_to(b"2", proxy.address()).unwrap();
    let (_, second) = server.recv_from(&mut buffer).unwrap();
    assert_ne!(first.port(), second.port());

    let cut = Impairment { loss: Loss::Everything, ..Impairment::default() };
    proxy.set(cut, cut);
    let start = Instant::now();
    while proxy.statistics().up.lost == 0 {
        assert!(start.elapsed() < PATIENCE);
        client.send_to(b"lost", proxy.address()).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    proxy.set(Impairment::default(), Impairment::default());
    while buffer[0] != b'3' {
        assert!(start.elapsed() < PATIENCE);
        client.send_to(b"3", proxy.address()).unwrap();
        server.recv_from(&mut buffer).unwrap();
    }
}

#[test]
fn a_target_that_is_restarted_elsewhere_is_found() {
    let (server, other, client) = (socket(), socket(), socket());
    let proxy =
        Proxy::start(server.local_addr().unwrap(), Impairment::default(), Impairment::default(), 1).unwrap();
    drop(server);
    client.send_to(b"nobody", proxy.address()).unwrap();
    proxy.set_target(other.local_addr().unwrap());
    let mut buffer = [0; 100];
    other.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let start = Instant::now();
    while buffer[0] != b'4' {
        assert!(start.elapsed() < PATIENCE);
        client.send_to(b"4", proxy.address()).unwrap();
        let _ = other.recv_from(&mut buffer);
    }
}
