//! Counts what was kept and dropped, by rule, and hands it to weir once a batch.

use weir_sdk::{Signal, counter};

/// The longest name of a rule, in bytes: weir's labels have 64, and those of logs begin with `logs.`.
const NAME_BYTES_MAX: usize = 59;
/// weir keeps 64 pairs of counter and label for a plugin, and each rule needs two.
const LABELS_MAX: usize = 32;

/// A rule's place in the tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(usize);

/// Kept and dropped items since the last batch, by rule.
#[derive(Debug, Default)]
pub struct Tally {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    name: String,
    kept: u64,
    dropped: u64,
}

impl Tally {
    /// A line for a rule. The error says why it cannot have one.
    pub fn label(&mut self, signal: Signal, name: &str) -> Result<Label, String> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(format!("`name` must have 1 to {NAME_BYTES_MAX} bytes"));
        }
        let name = if signal == Signal::LOGS { format!("logs.{name}") } else { name.to_owned() };
        if self.lines.iter().any(|line| line.name == name) {
            return Err(format!(
                "there is a rule `{name}` already, or weir counts under that name; choose another `name`"
            ));
        }
        if self.lines.len() == LABELS_MAX {
            return Err(format!("more than {LABELS_MAX} rules, the built-in ones among them"));
        }
        self.lines.push(Line { name, kept: 0, dropped: 0 });
        Ok(Label(self.lines.len() - 1))
    }

    pub fn count(&mut self, label: Label, is_kept: bool) {
        if let Some(line) = self.lines.get_mut(label.0) {
            if is_kept { line.kept += 1 } else { line.dropped += 1 }
        }
    }

    /// Hands the counts to weir and starts again.
    pub fn publish(&mut self) {
        for line in &mut self.lines {
            counter::add("kept", &line.name, std::mem::take(&mut line.kept));
            counter::add("dropped", &line.name, std::mem::take(&mut line.dropped));
        }
    }
}
