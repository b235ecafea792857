//! weir as the compiler of plugins: the child process that weir starts for each compilation, and how it is started.
//!
//! The child has little priority, a bound on its memory, and is the first that the kernel ends if memory runs out.

use std::fs;
use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use weir_plugin::{Bounds, CompilerCommand, HAS_COMPILER, compile_here};

use crate::memory;

/// The arguments that make weir the compiler. Not for users, so not in the help.
pub const ARGUMENTS: [&str; 2] = ["plugin", "compile"];

/// How long one compilation may take: a JavaScript engine takes a minute on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(120);
/// The memory that a compilation may take where nothing else bounds it. A Python component of 18 MiB takes half of it.
const MEMORY_BYTES_MAX: u64 = 2 << 30;
/// And where the control group does: at least what a small plugin needs.
const MEMORY_BYTES_MIN: u64 = 128 << 20;
/// The largest component that is read; weir itself takes no larger ones.
const WASM_BYTES_MAX: u64 = 256 << 20;
/// How much it says about what is wrong.
const WORDS_BYTES_MAX: usize = 2000;
/// As `nice` has it: the traffic goes first.
const NICE: i32 = 10;

/// How weir compiles plugins. `None` in a build without a compiler, and where the system does not say where weir's own
/// binary is.
pub fn command() -> Option<CompilerCommand> {
    // The binary that runs, even if another one has replaced it on disk: the two have to fit.
    let program = std::path::PathBuf::from("/proc/self/exe");
    if !HAS_COMPILER || !program.exists() {
        return None;
    }
    let arguments = ARGUMENTS.map(str::to_owned).to_vec();
    Some(CompilerCommand { program, arguments, timeout: TIMEOUT })
}

/// Runs as the compiler: a component on stdin, its code on stdout, or on stderr why there is none.
pub fn main(bounds: &str) -> ExitCode {
    let Some(bounds) = Bounds::of_name(bounds) else {
        eprintln!("unknown bounds {bounds:?}: this is for weir's own use");
        return ExitCode::FAILURE;
    };
    limit();
    let mut wasm = Vec::new();
    if let Err(error) = std::io::stdin().lock().take(WASM_BYTES_MAX).read_to_end(&mut wasm) {
        eprintln!("cannot read the component: {error}");
        return ExitCode::FAILURE;
    }
    match compile_here(&wasm, bounds) {
        Ok(code) => match std::io::stdout().lock().write_all(&code) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(reason) => {
            eprintln!("{}", reason.get(..reason.floor_char_boundary(WORDS_BYTES_MAX)).unwrap_or_default());
            ExitCode::FAILURE
        }
    }
}

/// Takes what a compiler needs and no more. What cannot be had is gone without: the parent watches the clock anyway.
#[allow(unsafe_code, reason = "there is no safe call for limits and priority")]
fn limit() {
    let share = memory::limit_bytes().map_or(MEMORY_BYTES_MAX, |limit| limit / 2);
    let bytes = share.clamp(MEMORY_BYTES_MIN, MEMORY_BYTES_MAX);
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the calls read the two structures, which outlive them, and change limits of this process alone.
    unsafe {
        libc::setrlimit(libc::RLIMIT_DATA, &limit);
        libc::setrlimit(libc::RLIMIT_CORE, &none);
        libc::setpriority(libc::PRIO_PROCESS, 0, NICE);
    }
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
}
