//! The figures as text.

use std::fmt::Write;

use super::delivery::{self, Acknowledged, Mode};
use super::footprint::Footprint;
use super::hostile::{Beside, Neighbour, Rounds};
use super::overload::Overloaded;
use super::run::{Cell, Measured};
use super::variant::Variant;

/// The goals are set for this size.
const GOAL_ITEMS: u64 = 1_000;

/// One table for each signal and size.
pub fn table(cells: &[Cell]) -> String {
    let mut text = String::new();
    for cell in cells {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "\n{} at {} items a request, {:.0} bytes an item\n",
            cell.signal.name(),
            cell.items,
            cell.bytes_in
        );
        let _ = writeln!(
            text,
            "| {:<22} | CPU ns/item | ratio | goal  | items/s | bytes out/item | errors |",
            "process"
        );
        let _ = writeln!(text, "|{0:-<24}|{0:->13}|{0:->7}|{0:->7}|{0:->9}|{0:->16}|{0:->8}|", "");
        for (variant, figures) in &cell.rounds {
            let _ = writeln!(text, "{}", row(cell, *variant, figures));
        }
    }
    text
}

fn row(cell: &Cell, variant: Variant, figures: &[Measured]) -> String {
    let floor = cell.rounds.iter().find(|(variant, _)| *variant == Variant::Relay).map(|(_, floor)| floor);
    // A ratio belongs to one round: what slows the machine down slows both down.
    let ratios = figures.iter().zip(floor.into_iter().flatten());
    let ratio = median(ratios.map(|(own, floor)| own.nanos_per_item / floor.nanos_per_item));
    let goal = variant.goal().filter(|_| cell.items == GOAL_ITEMS);
    format!(
        "| {:<22} | {:>11.0} | {:>5.2} | {:>5} | {:>7.0} | {:>14.0} | {:>6} |",
        variant.name(),
        median(figures.iter().map(|one| one.nanos_per_item)),
        ratio,
        goal.map_or("-".to_owned(), |goal| format!("{goal:.1}{}", if ratio > goal { "!" } else { "" })),
        median(figures.iter().map(|one| one.rate)),
        median(figures.iter().map(|one| one.bytes_out)),
        figures.iter().map(|one| one.errors).sum::<u64>(),
    )
}

/// Start and memory.
pub fn footprint(found: &Footprint) -> String {
    let millis = |time: &std::time::Duration| time.as_secs_f64() * 1e3;
    let mebibytes = |kib: u64| kib as f64 / 1024.0;
    let start = median(found.starts.iter().map(millis));
    let slowest = found.starts.last().map(millis).unwrap_or_default();
    let mut text = String::from("\nwith the three plugins\n\n");
    let _ = writeln!(text, "start, nothing cached    {:>8.0} ms (goal 2000)", millis(&found.first_start));
    let _ =
        writeln!(text, "start, code cached       {start:>8.0} ms median, {slowest:.0} ms slowest (goal 50)");
    for (name, memory) in [("idle before traffic", found.idle), ("idle after traffic", found.after_load)] {
        let _ = writeln!(
            text,
            "{name:<22}   {:>8.1} MiB resident (goal 12), {:.1} proportional, {:.1} anonymous",
            mebibytes(memory.rss),
            mebibytes(memory.pss),
            mebibytes(memory.anonymous)
        );
    }
    let _ = writeln!(text, "idle CPU                 {:>8} us a second", found.idle_nanos_per_second / 1_000);
    let _ =
        writeln!(text, "idle wake-ups            {:>8.1} a second (goal 5)", found.idle_wakeups_per_second);
    text
}

/// The clean pipeline beside each neighbour.
pub fn hostile(rounds: &Rounds) -> String {
    let mut text = String::from("\na clean pipeline beside another one of the same process, on one core\n\n");
    let _ = writeln!(
        text,
        "| {:<21} | p50 us | p99 us | to none: p50 | p99   | to busy: p50 | p99   | cores | refused/s | errors |",
        "neighbour"
    );
    let _ = writeln!(
        text,
        "|{0:-<23}|{0:->8}|{0:->8}|{0:->14}|{0:->7}|{0:->14}|{0:->7}|{0:->7}|{0:->11}|{0:->8}|",
        ""
    );
    for (neighbour, figures) in rounds {
        let figure = |of: fn(&Beside) -> f64| median(figures.iter().map(of));
        let to = |floor: Neighbour, of: fn(&Beside) -> f64| {
            let floor = rounds.iter().find(|(neighbour, _)| *neighbour == floor);
            let floor = floor.into_iter().flat_map(|(_, figures)| figures);
            median(figures.iter().zip(floor).map(|(own, floor)| of(own) / of(floor)))
        };
        let _ = writeln!(
            text,
            "| {:<21} | {:>6.0} | {:>6.0} | {:>12.2} | {:>5.2} | {:>12.2} | {:>5.2} | {:>5.2} | {:>9.1} | {:>6} |",
            neighbour.name(),
            figure(|one| one.median),
            figure(|one| one.slowest),
            to(Neighbour::None, |one| one.median),
            to(Neighbour::None, |one| one.slowest),
            to(Neighbour::Busy, |one| one.median),
            to(Neighbour::Busy, |one| one.slowest),
            figure(|one| one.cpu),
            figure(|one| one.refused),
            figures.iter().map(|one| one.errors).sum::<u64>(),
        );
    }
    text
}

/// The ways of acknowledging, beside each other.
pub fn delivery(rounds: &delivery::Rounds) -> String {
    let mut text = String::from("\nacknowledgements, 200 requests of 100 spans a second\n\n");
    let _ = writeln!(
        text,
        "| {:<18} | p50 us | p99 us | to relay: p50 | p99    | CPU ns/item | ratio | items/s | errors |",
        "answered"
    );
    let _ =
        writeln!(text, "|{0:-<20}|{0:->8}|{0:->8}|{0:->15}|{0:->8}|{0:->13}|{0:->7}|{0:->9}|{0:->8}|", "");
    for (mode, figures) in rounds {
        let figure = |of: fn(&Acknowledged) -> f64| median(figures.iter().map(of));
        let to_floor = |of: fn(&Acknowledged) -> f64| {
            let floor = rounds.iter().find(|(mode, _)| *mode == Mode::Floor);
            let floor = floor.into_iter().flat_map(|(_, figures)| figures);
            median(figures.iter().zip(floor).map(|(own, floor)| of(own) / of(floor)))
        };
        let _ = writeln!(
            text,
            "| {:<18} | {:>6.0} | {:>6.0} | {:>13.2} | {:>6.2} | {:>11.0} | {:>5.2} | {:>7.0} | {:>6} |",
            mode.name(),
            figure(|one| one.median),
            figure(|one| one.slowest),
            to_floor(|one| one.median),
            to_floor(|one| one.slowest),
            figure(|one| one.nanos_per_item),
            to_floor(|one| one.nanos_per_item),
            figure(|one| one.rate),
            figures.iter().map(|one| one.errors).sum::<u64>(),
        );
    }
    text
}

/// What senders were told while the upstream could not keep up, and what that took.
pub fn overload(found: &Overloaded) -> String {
    let mut text =
        String::from("\nan upstream that is slower than its senders, silent, and willing again\n\n");
    let _ = writeln!(
        text,
        "| {:<13} | wire | taken   | try again at | try again | never  | items/s | peak MiB |",
        "upstream"
    );
    let _ = writeln!(text, "|{0:-<15}|{0:-<6}|{0:->9}|{0:->14}|{0:->11}|{0:->8}|{0:->9}|{0:->10}|", "");
    for phase in &found.phases {
        for (wire, told) in &phase.answers {
            let _ = writeln!(
                text,
                "| {:<13} | {wire} | {:>7} | {:>12} | {:>9} | {:>6} | {:>7.0} | {:>8.1} |",
                phase.name,
                told.taken,
                told.later_with_hint,
                told.later,
                told.never,
                phase.rate,
                phase.peak_mib
            );
        }
    }
    let peak = found.phases.iter().map(|phase| phase.peak_mib).fold(0.0, f64::max);
    let (budget, whose) = found.budget;
    let _ = writeln!(
        text,
        "\npeak resident {peak:.1} MiB, of which {:.1} idle; budget of bytes in flight {budget} MiB ({whose})",
        found.idle_mib
    );
    text
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = figures.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
