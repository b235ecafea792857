//! The weir binary. Everything is in the library; the allocator is chosen here.
#![forbid(unsafe_code)]

use std::process::ExitCode;

/// Keeps big buffers instead of giving each back to the kernel: with glibc the page faults of request
/// buffers cost more than the plugins.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    weir::cli::main()
}
