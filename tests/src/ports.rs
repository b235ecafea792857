//! Free ports for the processes under test.

use std::collections::HashSet;
use std::net::TcpListener;
use std::sync::Mutex;

use rand::RngExt;

/// Below the range from which Linux takes the ports of outgoing connections, so that none of those can take
/// a port between the moment when it is picked and the moment when weir listens.
const RANGE: std::ops::Range<u16> = 15_000..32_000;

static PICKED: Mutex<Option<HashSet<u16>>> = Mutex::new(None);

/// A port of the loopback interface on which nothing listens and which this process has not picked before.
/// Panics if there is none.
pub fn free_port() -> u16 {
    let mut guard = PICKED.lock().expect("no test panics while it picks a port");
    let picked = guard.get_or_insert_with(HashSet::new);
    for _ in 0..1_000 {
        let port = rand::rng().random_range(RANGE);
        if !picked.contains(&port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            picked.insert(port);
            return port;
        }
    }
    panic!("no free port between {} and {}", RANGE.start, RANGE.end);
}
