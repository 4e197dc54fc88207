//! Memory as the kernel counts it.

use std::error::Error;

/// Resident memory of this process.
pub fn resident_bytes() -> Result<usize, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")
        .map_err(|_| "resident memory is read from /proc/self/status, which this system does not have")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc/self/status")?;
    let kib: usize = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1_024)
}
