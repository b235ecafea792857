//! The plugin host as its users see it: sets of plugins are loaded, batches go through, files change.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod guest;
mod isolating;
mod loading;
mod reloading;
mod running;
mod support;
mod taking_over;
