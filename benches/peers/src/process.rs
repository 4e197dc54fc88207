//! A server as a process: started on a core of its own, its memory and its time as the kernel counts them, ended by its id.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::peer::{Kind, Peer, Result};

pub struct Server {
    child: Child,
    kind: Kind,
}

/// Of a server and its children.
#[derive(Clone, Copy, Default)]
pub struct Usage {
    pub bytes: u64,
    /// Of the processor, in user and kernel.
    pub time: Duration,
}

/// A command on the core of the servers, if there is more than one.
pub fn on_server_core(program: &Path) -> Command {
    if !has_two_cores() {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program);
    command
}

pub fn has_two_cores() -> bool {
    // As the system has, not as this process may use.
    fs::read_to_string("/proc/cpuinfo").is_ok_and(|text| text.matches("processor\t").count() > 1)
}

impl Server {
    /// Starts it in `folder`, where the files of the others are.
    pub fn start(peer: &'static Peer, port: u16, folder: &Path) -> Result<Self> {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Err(format!("port {port}, for {}, is taken", peer.name).into());
        }
        let mut command = match peer.start {
            [] => {
                let mut command = on_server_core(&std::env::current_exe()?);
                command.args(["serve", peer.name, &port.to_string()]);
                command
            }
            [program, arguments @ ..] => {
                let mut command = on_server_core(Path::new(program));
                command.args(arguments.iter().map(|argument| argument.replace("PORT", &port.to_string())));
                command
            }
        };
        command.current_dir(folder).env("NODE_ENV", "production").stdin(Stdio::null()).stdout(Stdio::null());
        // Warnings of servers that are tried out; what fails is told by the client.
        let child = command.stderr(Stdio::null()).spawn().map_err(|error| format!("{}: {error}", peer.name))?;
        let mut server = Self { child, kind: peer.kind };
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("{} ended with {status}", peer.name).into());
            }
            if begin.elapsed() > Duration::from_secs(20) {
                return Err(format!("{} does not listen", peer.name).into());
            }
            sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// What it takes now: after a collection, where it collects garbage when it likes.
    pub fn kept(&self) -> Result<Usage> {
        if self.kind == Kind::Node {
            Command::new("kill").args(["-USR2", &self.child.id().to_string()]).status()?;
            sleep(Duration::from_millis(700));
        }
        self.usage()
    }

    pub fn usage(&self) -> Result<Usage> {
        let mut usage = Usage::default();
        for entry in fs::read_dir("/proc")? {
            let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            // One that ended meanwhile is none of ours.
            let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else { continue };
            if id == self.child.id() || field(&stat, 1)? == u64::from(self.child.id()) {
                // Pages as most machines have them.
                usage.bytes += field(&stat, 21)? * 4_096;
                usage.time += time_of(&id.to_string())?;
            }
        }
        Ok(usage)
    }
}

/// What a process, or `self`, has had of the processor, in user and kernel, by its threads of now.
pub fn time_of(id: &str) -> Result<Duration> {
    let mut time = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        // Nanoseconds first. A thread that ended meanwhile takes its time along: servers keep theirs.
        if let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) {
            let nanoseconds = text.split(' ').next().ok_or("no time in schedstat")?;
            time += Duration::from_nanos(nanoseconds.parse()?);
        }
    }
    Ok(time)
}

/// A field of /proc/ID/stat, counted from the one behind the name.
fn field(stat: &str, place: usize) -> Result<u64> {
    let behind = stat.rsplit_once(") ").ok_or("no name in stat")?.1;
    Ok(behind.split(' ').nth(place).ok_or("a field is missing in stat")?.parse()?)
}

impl Drop for Server {
    fn drop(&mut self) {
        // Asked first, so that one with children ends them.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().is_ok_and(|status| status.success());
        let begin = Instant::now();
        while asked && begin.elapsed() < Duration::from_secs(5) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            sleep(Duration::from_millis(20));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{field, time_of};

    #[test]
    fn a_name_with_spaces_and_brackets_moves_no_field() {
        let stat = "71 (a ) (b) S 9 71 71 0";
        assert_eq!(field(stat, 1).ok(), Some(9));
        assert!(field(stat, 0).is_err());
        assert!(field(stat, 30).is_err());
    }

    #[test]
    fn work_takes_time_of_the_processor() {
        let before = time_of("self").expect("Linux counts");
        let begin = Instant::now();
        let mut sum = 0_u64;
        while begin.elapsed() < Duration::from_secs(20) {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
            if time_of("self").expect("Linux counts").saturating_sub(before) > Duration::from_millis(5) {
                return;
            }
        }
        panic!("20 s of work took none of the processor's time");
    }
}
