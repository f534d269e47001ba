//! A router on a loopback port, until the test ends; over TLS too, with a certificate of an authority that nobody knows.

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::{
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// The authority that signed the certificate of [`serve_tls`].
pub(crate) const CA: &str = include_str!("tls/ca.pem");

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

/// The same over TLS, for `https://127.0.0.1`.
#[expect(clippy::disallowed_methods, reason = "the server ends with the test, there is nothing to drain")]
pub(crate) fn serve_tls(listener: TcpListener, router: Router) -> Served {
    let address = listener.local_addr().unwrap();
    let chain = vec![CertificateDer::from_pem_slice(include_bytes!("tls/server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap()));
    let task = tokio::spawn(async move { axum::serve(OverTls { listener, acceptor }, router).await.unwrap() });
    Served { address, abort: task.abort_handle() }
}

struct OverTls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for OverTls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.listener.accept().await.unwrap();
            // A client that does not believe the certificate hangs up here.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }
    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
