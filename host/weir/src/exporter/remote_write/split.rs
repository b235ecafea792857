//! Requests that are no larger than they may be.

use super::encode;
use super::series::Series;

/// One request.
pub(super) struct Write {
    /// Compressed.
    pub(super) body: Vec<u8>,
    /// How many points of the batch are counted with it.
    pub(super) points: u64,
}

/// Requests that are being made.
pub(super) struct Splitting {
    bytes_max: usize,
    request: Vec<u8>,
    points: u64,
    /// The series of one point, which stay together where they fit into one request.
    group: Vec<u8>,
    /// Where each of them ends, and how many points are counted with it.
    members: Vec<(usize, u64)>,
    writes: Vec<Write>,
}

impl Splitting {
    pub(super) fn new(bytes_max: usize) -> Self {
        Splitting {
            bytes_max,
            request: Vec::new(),
            points: 0,
            group: Vec::new(),
            members: Vec::new(),
            writes: Vec::new(),
        }
    }

    /// The next series.
    pub(super) fn add(&mut self, series: &Series) -> Option<()> {
        if series.begins {
            self.end_group()?;
        }
        encode::put_series(&mut self.group, series);
        self.members.push((self.group.len(), series.points));
        Some(())
    }

    /// Something that belongs to no point.
    pub(super) fn add_beside(&mut self, put: impl FnOnce(&mut Vec<u8>)) -> Option<()> {
        self.end_group()?;
        put(&mut self.group);
        self.members.push((self.group.len(), 0));
        Some(())
    }

    /// All requests. `None` if one is too large for the compression.
    pub(super) fn finish(mut self) -> Option<Vec<Write>> {
        self.end_group()?;
        self.end_request()?;
        Some(self.writes)
    }

    fn end_group(&mut self) -> Option<()> {
        let (group, members) = (std::mem::take(&mut self.group), std::mem::take(&mut self.members));
        if group.len() <= self.bytes_max {
            let points = members.iter().map(|(_, points)| points).sum();
            self.append(&group, points)?;
        } else {
            let mut start = 0;
            for (end, points) in &members {
                self.append(group.get(start..*end).unwrap_or_default(), *points)?;
                start = *end;
            }
        }
        // The room is used again.
        (self.group, self.members) = (group, members);
        self.group.clear();
        self.members.clear();
        Some(())
    }

    /// A series that is too large by itself is a request by itself: it is for the upstream to say what it makes of it.
    fn append(&mut self, encoded: &[u8], points: u64) -> Option<()> {
        if self.request.len() + encoded.len() > self.bytes_max {
            self.end_request()?;
        }
        self.request.extend_from_slice(encoded);
        self.points += points;
        Some(())
    }

    fn end_request(&mut self) -> Option<()> {
        if self.request.is_empty() {
            return Some(());
        }
        let body = snap::raw::Encoder::new().compress_vec(&self.request).ok()?;
        self.writes.push(Write { body, points: std::mem::take(&mut self.points) });
        self.request.clear();
        Some(())
    }
}
