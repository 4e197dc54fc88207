//! The hostile server: one socket on loopback, a thread for each connection, and whatever a check has it do.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

/// A public address that nobody has: of global unicast, not assigned to any registry.
pub(super) const PUBLIC: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 1));

/// What a site does with a connection once it has read the head of a request; it may read another.
pub(super) type Act = Box<dyn Fn(&mut Connection<'_>, &str) -> io::Result<()> + Send + Sync>;

pub(super) struct Server {
    address: SocketAddr,
    over: AtomicBool,
    /// Bytes of answers that were written.
    pub(super) written: AtomicU64,
    /// Connections that a site has seen closed by the other side.
    pub(super) closed: AtomicU64,
    sites: Mutex<BTreeMap<String, Site>>,
    dialled: Mutex<Vec<IpAddr>>,
    /// The heads of all requests.
    heads: Mutex<Vec<String>>,
}

struct Site {
    /// What each look-up says, and the last one all later ones.
    addresses: VecDeque<Vec<IpAddr>>,
    act: Arc<Act>,
}

/// A connection as a site has it.
pub(super) struct Connection<'a> {
    stream: TcpStream,
    pub(super) server: &'a Server,
}

impl Server {
    pub(super) fn start() -> io::Result<Arc<Self>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let server = Arc::new(Self {
            address: listener.local_addr()?,
            over: AtomicBool::new(false),
            written: AtomicU64::new(0),
            closed: AtomicU64::new(0),
            sites: Mutex::default(),
            dialled: Mutex::default(),
            heads: Mutex::default(),
        });
        let serving = Arc::clone(&server);
        thread::Builder::new().name("hostile server".into()).spawn(move || {
            for stream in listener.incoming() {
                if serving.over.load(Ordering::SeqCst) {
                    break;
                }
                let (Ok(stream), serving) = (stream, Arc::clone(&serving)) else { continue };
                let _ = thread::Builder::new().spawn(move || serving.serve(stream));
            }
        })?;
        Ok(server)
    }

    /// Ends all threads, those of endless answers too.
    pub(super) fn stop(&self) {
        self.over.store(true, Ordering::SeqCst);
        // So that it is looked at.
        let _ = TcpStream::connect(self.address);
    }

    /// A site with this address.
    pub(super) fn site(
        &self,
        host: &str,
        act: impl Fn(&mut Connection<'_>, &str) -> io::Result<()> + Send + Sync + 'static,
    ) {
        self.site_at(host, [vec![PUBLIC]], act);
    }

    /// A site whose look-ups say these addresses, one after the other.
    pub(super) fn site_at(
        &self,
        host: &str,
        addresses: impl IntoIterator<Item = Vec<IpAddr>>,
        act: impl Fn(&mut Connection<'_>, &str) -> io::Result<()> + Send + Sync + 'static,
    ) {
        let site = Site { addresses: addresses.into_iter().collect(), act: Arc::new(Box::new(act)) };
        self.sites.lock().insert(host.to_owned(), site);
    }

    pub(super) fn resolve(&self, host: &str) -> Vec<IpAddr> {
        let mut sites = self.sites.lock();
        let Some(site) = sites.get_mut(host.trim_end_matches('.')) else { return Vec::new() };
        let found = if site.addresses.len() > 1 { site.addresses.pop_front() } else { site.addresses.front().cloned() };
        found.unwrap_or_default()
    }

    pub(super) fn dial(&self, address: IpAddr) -> SocketAddr {
        self.dialled.lock().push(address);
        self.address
    }

    pub(super) fn dialled(&self) -> Vec<IpAddr> {
        self.dialled.lock().clone()
    }

    /// The heads of the requests so far, in lower case.
    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().clone()
    }

    fn serve(&self, stream: TcpStream) {
        let _ = stream.set_write_timeout(Some(Duration::from_millis(200)));
        let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
        let mut connection = Connection { stream, server: self };
        while let Ok(Some(head)) = connection.read_head() {
            let host = head.lines().find_map(|line| line.strip_prefix("host:")).unwrap_or_default().trim();
            let name = host.split(':').next().unwrap_or_default();
            let Some(act) = self.sites.lock().get(name).map(|site| Arc::clone(&site.act)) else { break };
            self.heads.lock().push(head.clone());
            if act(&mut connection, &head).is_err() {
                break;
            }
        }
        let _ = connection.stream.shutdown(Shutdown::Both);
    }
}

impl Connection<'_> {
    /// The head of the next request, in lower case but for its first line.
    fn read_head(&mut self) -> io::Result<Option<String>> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if head.len() > (64 << 10) || self.read(&mut byte)? == 0 {
                return Ok(None);
            }
            head.push(byte[0]);
        }
        let text = String::from_utf8_lossy(&head).into_owned();
        let (first, rest) = text.split_once("\r\n").unwrap_or_default();
        Ok(Some(format!("{first}\r\n{}", rest.to_ascii_lowercase())))
    }

    /// Until there is something, the other side closes, or the check is over.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(into) {
                Err(error) if is_time_out(&error) => self.check_over()?,
                other => return other,
            }
        }
    }

    pub(super) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.server.written.fetch_add(count as u64, Ordering::SeqCst);
                    bytes = bytes.get(count..).unwrap_or_default();
                }
                Err(error) if is_time_out(&error) => self.check_over()?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The same piece again and again, at once or with a pause, until the other side has had enough.
    pub(super) fn write_for_ever(&mut self, piece: &[u8], pause: Duration) -> io::Result<()> {
        loop {
            self.check_over()?;
            self.write(piece)?;
            if !pause.is_zero() {
                thread::sleep(pause);
            }
        }
    }

    /// Waits for the other side to close.
    pub(super) fn wait_for_close(&mut self) -> io::Result<()> {
        let mut some = [0; 64];
        // An error is an end too, but for that of the check.
        while self.read(&mut some).is_ok_and(|count| count > 0) {}
        self.check_over()?;
        self.server.closed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    /// Ends the connection after what was written.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)?;
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    fn check_over(&self) -> io::Result<()> {
        if self.server.over.load(Ordering::SeqCst) { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}

fn is_time_out(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// An answer in whole: its first line and headers after the version, and a body with its length.
pub(super) fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    text.extend_from_slice(body);
    text
}

/// The head of a document, before its length.
pub(super) const JSON: &str = "200 OK\r\nContent-Type: application/json\r\nCache-Control: max-age=3600";
