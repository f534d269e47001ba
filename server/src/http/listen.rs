//! The listening side: connections are bounded in number, in all and for each address; a head that does not come in time ends its
//! connection, and so does an answer that nobody takes. So whoever opens connections and says nothing, or asks and does not read, can
//! make others wait for seconds, and never use up what the process needs to go on.

mod progress;
mod shares;

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore, time::sleep};
use tokio_util::task::TaskTracker;
use tower::{Service as _, ServiceExt as _};

use progress::Progress;

pub use shares::Shares;

/// What one process takes.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// At the same time; the next ones wait in the kernel.
    pub connections: usize,
    /// For the whole head of a request, counted from the end of the one before.
    pub head: Duration,
    /// For the other side to take something more of an answer.
    pub taken: Duration,
}

/// Files and sockets that the process needs beside the connections: database, runners, repository, providers.
const KEPT_BACK: u64 = 256;
const MOST_CONNECTIONS: u64 = 8_192;
/// It is also how long a connection is kept that nobody uses: hyper counts both by one clock. Browsers and proxies keep theirs for about
/// a minute, and one that is ended just when it is used again costs them a failed request. So it is longer than that; what bounds
/// heads that never end is each address's share of the connections.
const HEAD_TIME: Duration = Duration::from_secs(75);
const TAKEN_TIME: Duration = Duration::from_secs(30);
/// The largest head.
const MOST_HEAD_BYTES: usize = 64 << 10;
/// After the system refused a connection, so that refusals do not keep a core busy.
const PAUSE: Duration = Duration::from_millis(200);

impl Bounds {
    /// What the limits of this process leave room for. Raises its limit of open files as far as it may first.
    #[must_use]
    pub fn of_this_process() -> Self {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        if limit.current.is_some() && limit.current != limit.maximum {
            let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
            if let Err(error) = setrlimit(Resource::Nofile, raised) {
                tracing::warn!(%error, "listen.files_not_raised");
            }
        }
        Self { connections: connections(getrlimit(Resource::Nofile).current), head: HEAD_TIME, taken: TAKEN_TIME }
    }
}

fn connections(files: Option<u64>) -> usize {
    let files = files.unwrap_or(u64::MAX);
    let room = files.saturating_sub(KEPT_BACK).max(files / 2);
    usize::try_from(room.min(MOST_CONNECTIONS)).unwrap_or(usize::MAX).max(1)
}

/// Serves until `ending`; then takes nothing new, and returns when what is under way is answered.
pub async fn serve(listener: TcpListener, router: Router, bounds: Bounds, shares: Shares, ending: impl Future<Output = ()>) {
    let mut make = router.into_make_service_with_connect_info::<SocketAddr>();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(bounds.head).max_buf_size(MOST_HEAD_BYTES);
    let slots = Arc::new(Semaphore::new(bounds.connections));
    let (under_way, connections) = (GracefulShutdown::new(), TaskTracker::new());
    let mut ending = std::pin::pin!(ending);
    loop {
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            next = next => next,
            () = &mut ending => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "listen.not_accepted");
                sleep(PAUSE).await;
                continue;
            }
        };
        let Some(share) = shares.take(address.ip()) else {
            metrics::counter!("windfirm_connections_refused_total").increment(1);
            continue;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "listen.nodelay");
        }
        let service = make.call(address).await.unwrap_or_else(|never: Infallible| match never {});
        let service = service.map_request(|request: Request<Incoming>| request.map(Body::new));
        let connection = under_way.watch(http.serve_connection(TokioIo::new(Progress::new(stream, bounds.taken)), TowerToHyperService::new(service)));
        connections.spawn(async move {
            // Broken off or too slow: nothing that anybody could be told.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "listen.connection_ended");
            }
            drop((slot, share));
        });
    }
    drop(listener);
    under_way.shutdown().await;
}

#[cfg(test)]
mod tests {
    use axum::routing::{get, post};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
        sync::oneshot,
    };

    use super::*;

    const TIME: Duration = Duration::from_secs(5);

    async fn open(bounds: Bounds) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
        open_shared(bounds, Shares::of(bounds.connections, &[])).await
    }

    async fn open_shared(bounds: Bounds, shares: Shares) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = oneshot::channel::<()>();
        let endless = || Body::from_stream(futures::stream::repeat_with(|| Ok::<_, Infallible>(vec![b'x'; 64 << 10])));
        let router = Router::new().route("/", get(|| async { "here" })).route("/endless", get(move || async move { endless() })).route(
            "/slow",
            post(|body: String| async move {
                sleep(Duration::from_millis(300)).await;
                body
            }),
        );
        let serving = TaskTracker::new().spawn(serve(listener, router, bounds, shares, async move {
            let _ = ended.await;
        }));
        (address, end, serving)
    }

    async fn asked(address: SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn those_who_say_nothing_are_let_go_and_others_have_their_turn() {
        let (address, _end, _serving) = open(Bounds { connections: 4, head: Duration::from_millis(300), taken: TIME }).await;
        let mut silent = Vec::new();
        for number in 0..12 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            // Half of them begin, and go on for ever byte by byte.
            if number % 2 == 0 {
                stream.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
            }
            silent.push(stream);
        }
        let answer = tokio::time::timeout(Duration::from_secs(20), asked(address)).await.expect("silent connections keep nobody out for ever");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("here"), "{answer}");
    }

    #[tokio::test]
    async fn a_connection_that_is_kept_is_let_go_when_nothing_comes() {
        let (address, _end, _serving) = open(Bounds { connections: 1, head: Duration::from_millis(300), taken: TIME }).await;
        let mut kept = TcpStream::connect(address).await.unwrap();
        kept.write_all(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        tokio::time::timeout(Duration::from_secs(20), kept.read_to_end(&mut answer)).await.expect("it is ended").unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    }

    #[tokio::test]
    async fn what_is_under_way_is_answered_when_the_portal_ends() {
        let (address, end, serving) = open(Bounds { connections: 4, head: TIME, taken: TIME }).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"POST /slow HTTP/1.1\r\nhost: here\r\ncontent-length: 4\r\n\r\ntake").await.unwrap();
        sleep(Duration::from_millis(100)).await;
        end.send(()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("take"), "{answer}");
        serving.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    }

    async fn asks_and_reads_nothing(address: SocketAddr) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /endless HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();
        let mut first = [0; 16];
        stream.read_exact(&mut first).await.unwrap();
        stream
    }

    #[tokio::test]
    async fn who_asks_and_reads_nothing_is_let_go() {
        let (address, _end, _serving) = open(Bounds { connections: 1, head: TIME, taken: Duration::from_millis(300) }).await;
        let _slow = asks_and_reads_nothing(address).await;
        let answer = tokio::time::timeout(Duration::from_secs(20), asked(address)).await.expect("the only connection is free again");
        assert!(answer.ends_with("here"), "{answer}");
    }

    #[tokio::test]
    async fn who_reads_slowly_and_goes_on_is_served() {
        let (address, _end, _serving) = open(Bounds { connections: 1, head: TIME, taken: Duration::from_millis(600) }).await;
        let mut slow = asks_and_reads_nothing(address).await;
        let mut some = vec![0; 4 << 20];
        for _ in 0..8 {
            sleep(Duration::from_millis(150)).await;
            slow.read_exact(&mut some).await.unwrap();
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_a_slow_reader_when_the_portal_ends() {
        let (address, end, serving) = open(Bounds { connections: 4, head: TIME, taken: Duration::from_millis(300) }).await;
        let _slow = asks_and_reads_nothing(address).await;
        end.send(()).unwrap();
        tokio::time::timeout(Duration::from_secs(20), serving).await.expect("it ends").unwrap();
    }

    #[tokio::test]
    async fn an_address_that_has_its_share_is_closed_at_once() {
        let bounds = Bounds { connections: 100, head: TIME, taken: TIME };
        let (address, _end, _serving) = open_shared(bounds, Shares::new(2, [])).await;
        let mut held = vec![TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
        let mut third = TcpStream::connect(address).await.unwrap();
        let read = tokio::time::timeout(Duration::from_secs(2), third.read(&mut [0; 16])).await.expect("at once");
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
        // One that goes makes room.
        drop(held.pop());
        for _ in 0..100 {
            let mut next = TcpStream::connect(address).await.unwrap();
            let _ = next.write_all(b"GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").await;
            let mut answer = String::new();
            let _ = next.read_to_string(&mut answer).await;
            if answer.ends_with("here") {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("no room was made");
    }

    #[tokio::test]
    async fn a_head_without_end_is_refused() {
        let (address, _end, _serving) = open(Bounds { connections: 4, head: TIME, taken: TIME }).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("GET / HTTP/1.1\r\nhost: here\r\nx-long: {}\r\n\r\n", "x".repeat(2 * MOST_HEAD_BYTES));
        let _ = stream.write_all(head.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!String::from_utf8_lossy(&answer).contains("200 OK"), "{}", String::from_utf8_lossy(&answer));
    }

    #[test]
    fn some_files_are_kept_back_for_the_rest_of_the_process() {
        assert_eq!(connections(Some(1_024)), 768);
        assert_eq!(connections(Some(300)), 150);
        assert_eq!(connections(Some(1_048_576)), 8_192);
        assert_eq!(connections(None), 8_192);
        assert_eq!(connections(Some(0)), 1);
    }
}
