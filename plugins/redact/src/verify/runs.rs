//! Runs of body characters, each walked once however many prefixes stand in it.

use crate::{scan::literal::Body, text};

/// For each body the run of it that was walked last.
#[derive(Clone, Debug, Default)]
pub struct Runs([Run; Body::COUNT]);

#[derive(Clone, Copy, Debug, Default)]
struct Run {
    start: usize,
    end: usize,
}

impl Runs {
    /// Where the run of body characters that holds `at` ends; `at` itself if there is none.
    pub fn end(&mut self, value: &[u8], body: Body, at: usize) -> usize {
        let Some(run) = self.0.get_mut(body as usize) else { return at };
        if at < run.start || at >= run.end {
            *run = Run { start: at, end: at + text::run(value, at, usize::MAX, |byte| body.has(byte)) };
        }
        run.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_at_the_same_place_from_wherever_it_is_asked() {
        let mut runs = Runs::default();
        for at in [2, 4, 3, 2] {
            assert_eq!(runs.end(b"--abc--de", Body::Alnum, at), 5);
        }
        assert_eq!(runs.end(b"--abc--de", Body::Alnum, 0), 0);
        assert_eq!(runs.end(b"--abc--de", Body::Alnum, 7), 9);
        assert_eq!(runs.end(b"--abc--de", Body::Dashed, 3), 9);
        assert_eq!(runs.end(b"--abc--de", Body::Alnum, 99), 99);
    }
}
