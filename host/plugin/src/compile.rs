//! Compiling a component, if possible in a child process.
//!
//! A compiler is a large program that reads hostile input: a module that is built to blow it up must not take the
//! sidecar with it, and its memory is to go back to the system when it is done. So weir starts itself as the compiler, with
//! little priority and bounds on time and memory. The bytes go in on stdin; the code, or the reason why there is none, comes out.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::engine::{Bounds, wasm_engine};
#[cfg(feature = "compiler")]
use crate::engine::{engine_of, wasm_config};

/// The largest compiled code: a Python component is 35 MiB, and code is about three times its module.
const CODE_BYTES_MAX: u64 = 1 << 30;
/// How much of what the compiler says goes into an error.
const WORDS_BYTES_MAX: u64 = 2000;
/// Of the threads that do no more than wait.
const STACK_BYTES: usize = 64 << 10;

/// Whether this build has a compiler: the feature `compiler`. Without one only code from the cache runs.
pub const HAS_COMPILER: bool = cfg!(feature = "compiler");
/// What is said where one would be needed.
pub(crate) const NO_COMPILER: &str =
    "this build of weir has no compiler: compile plugins with a full build of the same version";

/// How to start the compiler. The program reads a component from stdin and calls [`compile_here`]; it gets one
/// more argument, that of [`Bounds`].
#[derive(Clone, Debug)]
pub struct CompilerCommand {
    /// The program, weir itself.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// How long one compilation may take.
    pub timeout: Duration,
}

/// What came of the attempt to compile in a child.
pub(crate) enum Outcome {
    Compiled(Vec<u8>),
    /// The component cannot be compiled within the bounds.
    Failed(String),
    /// There was no child.
    NotStarted(io::Error),
}

/// Compiles for the engine with these bounds checks, in this process.
///
/// # Errors
/// What the compiler says.
pub fn compile_here(wasm: &[u8], bounds: Bounds) -> Result<Vec<u8>, String> {
    let engine = wasm_engine(bounds).map_err(|error| error.to_string())?;
    precompile(&engine, wasm)
}

#[cfg(feature = "compiler")]
pub(crate) fn precompile(engine: &wasmtime::Engine, wasm: &[u8]) -> Result<Vec<u8>, String> {
    engine.precompile_component(wasm).map_err(|error| format!("{error:#}"))
}

#[cfg(not(feature = "compiler"))]
pub(crate) fn precompile(_: &wasmtime::Engine, _: &[u8]) -> Result<Vec<u8>, String> {
    Err(NO_COMPILER.to_owned())
}

/// Compiles for many processors rather than for this one.
///
/// # Errors
/// What the compiler says.
#[cfg(feature = "compiler")]
#[allow(unsafe_code, reason = "see below")]
pub(crate) fn portable(wasm: &[u8], bounds: Bounds) -> Result<Vec<u8>, String> {
    let mut config = wasm_config(bounds);
    config.target(&target()).map_err(|error| format!("{error:#}"))?;
    for feature in crate::cache::PORTABLE {
        // SAFETY: these say what the processor can do, and wasmtime checks that before it runs the code.
        unsafe { config.cranelift_flag_enable(feature) };
    }
    precompile(&engine_of(&config).map_err(|error| error.to_string())?, wasm)
}

/// This architecture and system. An engine that is told so takes nothing from the processor that it finds.
#[cfg(feature = "compiler")]
pub(crate) fn target() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

#[cfg(not(feature = "compiler"))]
pub(crate) fn portable(_: &[u8], _: Bounds) -> Result<Vec<u8>, String> {
    Err(NO_COMPILER.to_owned())
}

impl CompilerCommand {
    /// Compiles in a child process. Blocks until it is done, or for as long as it may take.
    pub(crate) fn compile(&self, wasm: &[u8], bounds: Bounds) -> Outcome {
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .arg(bounds.name())
            // Whatever secrets the environment holds are none of the compiler's business.
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => return Outcome::NotStarted(error),
        };
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut stdin), Some(stdout), Some(stderr)) = pipes else {
            return Outcome::NotStarted(io::ErrorKind::BrokenPipe.into());
        };
        let watchdog = match Watchdog::start(child, self.timeout) {
            Ok(watchdog) => watchdog,
            Err(error) => return Outcome::NotStarted(error),
        };
        let (mut code, mut words) = (Vec::new(), Vec::new());
        // Written by another thread, so that nobody waits for a program that answers before it has read everything. If it
        // dies the pipe breaks, and its status says why.
        let read = std::thread::scope(|scope| {
            let write = move || drop(stdin.write_all(wasm));
            let writer = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, write)?;
            let read = stdout.take(CODE_BYTES_MAX).read_to_end(&mut code);
            drop(writer.join());
            read
        });
        // Fits into the pipe's buffer, so the child never waited for this.
        let _ = stderr.take(WORDS_BYTES_MAX).read_to_end(&mut words);
        let (status, timed_out) = watchdog.end();
        match status {
            _ if timed_out => Outcome::Failed(format!("the compiler took longer than {:?}", self.timeout)),
            Ok(status) if status.success() && read.is_ok() => Outcome::Compiled(code),
            Ok(status) => Outcome::Failed(why(status, &String::from_utf8_lossy(&words))),
            Err(error) => Outcome::Failed(format!("the compiler was lost: {error}")),
        }
    }
}

fn why(status: ExitStatus, words: &str) -> String {
    let words = words.trim();
    match (status.code(), words) {
        (Some(1), words) if !words.is_empty() => words.to_owned(),
        (_, "") => {
            format!("the compiler ended with {status}; it may have needed more memory than it may have")
        }
        (_, words) => format!("the compiler ended with {status}: {words}"),
    }
}

/// Kills the child when its time is up, or when this is dropped.
struct Watchdog {
    child: Arc<Mutex<Child>>,
    done: Option<SyncSender<()>>,
    thread: Option<JoinHandle<bool>>,
}

impl Watchdog {
    fn start(child: Child, timeout: Duration) -> io::Result<Self> {
        let child = Arc::new(Mutex::new(child));
        let (done, is_done) = sync_channel::<()>(0);
        let prey = Arc::clone(&child);
        let watch = move || {
            let is_late = is_done.recv_timeout(timeout) == Err(RecvTimeoutError::Timeout);
            if is_late {
                // It may have ended this very moment, which is as good.
                let _ = prey.lock().unwrap_or_else(PoisonError::into_inner).kill();
            }
            is_late
        };
        let mut watchdog = Watchdog { child, done: Some(done), thread: None };
        let builder = std::thread::Builder::new().name("weir-compile".to_owned()).stack_size(STACK_BYTES);
        watchdog.thread = Some(builder.spawn(watch)?);
        Ok(watchdog)
    }

    /// How the child ended, and whether it had to be killed. Its output is at its end, so it is about to.
    fn end(mut self) -> (io::Result<ExitStatus>, bool) {
        // A child that has closed its output but goes on is still the watchdog's.
        let status = loop {
            let tried = self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait();
            match tried {
                Ok(Some(status)) => break Ok(status),
                Ok(None) => std::thread::sleep(Duration::from_millis(1)),
                Err(error) => break Err(error),
            }
        };
        self.done = None;
        let timed_out = self.thread.take().is_some_and(|thread| thread.join().unwrap_or(false));
        (status, timed_out)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(child.try_wait(), Ok(None)) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
#[cfg(feature = "compiler")]
mod tests {
    use super::*;

    fn shell(script: &str) -> CompilerCommand {
        // The shell takes the bounds as its name.
        let arguments = vec!["-c".to_owned(), script.to_owned()];
        CompilerCommand { program: "/bin/sh".into(), arguments, timeout: Duration::from_secs(60) }
    }

    fn failed(compiler: &CompilerCommand, wasm: &[u8]) -> String {
        match compiler.compile(wasm, Bounds::Guarded) {
            Outcome::Failed(reason) => reason,
            Outcome::Compiled(_) => panic!("it compiled"),
            Outcome::NotStarted(error) => panic!("{error}"),
        }
    }

    #[test]
    fn what_goes_in_is_the_component_and_what_comes_out_is_the_code() {
        let wasm = vec![7; 1 << 20];
        let Outcome::Compiled(code) = shell("exec cat").compile(&wasm, Bounds::Guarded) else {
            panic!("no code")
        };
        assert_eq!(code, wasm);
    }

    #[test]
    fn the_compiler_s_own_words_are_the_reason() {
        assert_eq!(failed(&shell("echo 'no component' >&2; exit 1"), b"x"), "no component");
    }

    #[test]
    fn a_compiler_that_dies_or_hangs_is_a_reason_too() {
        let died = failed(&shell("kill -9 $$"), &[0; 1 << 20]);
        assert!(died.starts_with("the compiler ended with signal: 9"), "{died}");
        let hangs = CompilerCommand { timeout: Duration::from_millis(200), ..shell("exec sleep 600") };
        assert_eq!(failed(&hangs, &[0; 1 << 20]), "the compiler took longer than 200ms");
        let hangs_quietly = CompilerCommand {
            timeout: Duration::from_millis(200),
            ..shell("exec >&- 2>&- <&-; exec sleep 600")
        };
        assert_eq!(failed(&hangs_quietly, b"x"), "the compiler took longer than 200ms");
    }

    #[test]
    fn a_program_that_is_not_there_is_told_from_one_that_fails() {
        let missing = CompilerCommand { program: "/nowhere/weir".into(), ..shell("") };
        assert!(matches!(missing.compile(b"x", Bounds::Guarded), Outcome::NotStarted(_)));
    }

    #[test]
    fn code_compiled_apart_fits_the_engine() {
        for bounds in [Bounds::Guarded, Bounds::Explicit] {
            let code = compile_here(b"(component)", bounds).unwrap();
            assert!(crate::cache::adopt(&wasm_engine(bounds).unwrap(), &code).is_ok());
            assert!(compile_here(b"(module)", bounds).is_err());
        }
    }
}
