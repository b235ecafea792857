//! Manifests of Kubernetes: the pods in them, whether a namespace that enforces the `restricted` Pod Security Standard takes them, and whether
//! they give weir what it needs.

mod pods;
mod restricted;
mod sidecar;

pub use pods::{Container, Pod, items, pods, text};
pub use restricted::restricted;
pub use sidecar::wanting;
