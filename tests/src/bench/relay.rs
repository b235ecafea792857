//! The floor that weir is compared with: a gRPC proxy that forwards each message unread.

use std::sync::Arc;

use bytes::Bytes;
use tokio::net::TcpListener;
use tonic::Status;

use crate::Signal;
use crate::grpc::{Answering, RawClient, serve};

/// Forwards everything that arrives at `listen` to `upstream`, for ever.
pub async fn relay(listen: &str, upstream: &str) -> std::io::Result<()> {
    let client = RawClient::new(upstream);
    let listener = TcpListener::bind(listen).await?;
    serve(listener, Arc::new(move |path, message| forward(client.clone(), path, message))).await
}

fn forward(mut client: RawClient, path: String, message: Bytes) -> Answering {
    Box::pin(async move {
        let signal = Signal::of_path(&path).ok_or_else(|| Status::unimplemented("no such method"))?;
        client.call(signal.grpc_path(), message).await.map(tonic::Response::into_inner)
    })
}
