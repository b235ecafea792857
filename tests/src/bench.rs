//! The benchmark: what weir costs per item, as a ratio to a relay that forwards each message unread.
//!
//! Each process under test is pinned to one core; the generator and the sink share another. CPU time comes from
//! the scheduler's own count in `/proc`. The relay and all variants of weir run at the same time and are loaded
//! in turn, several times over, so that a slow spell of the machine hits them alike; the figures are medians.

pub mod corpus;
pub mod cpu;
pub mod delivery;
pub mod footprint;
pub mod hostile;
pub mod latency;
pub mod load;
pub mod overload;
pub mod relay;
pub mod report;
pub mod run;
pub mod sink;
pub mod variant;
