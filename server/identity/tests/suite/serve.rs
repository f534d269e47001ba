//! A router on a loopback port, until the test ends.

use std::net::SocketAddr;

use axum::Router;
use tokio::{net::TcpListener, task::AbortHandle};

#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    abort: AbortHandle,
}

impl Served {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

/// A port first, the router after: issuers and redirect URIs name the port.
pub(crate) async fn bind() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).await.unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the server ends with the test, there is nothing to drain")]
pub(crate) fn serve(listener: TcpListener, router: Router) -> Served {
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let task = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    Served { address, abort: task.abort_handle() }
}
