//! Wiping.

/// Overwrites `bytes` so that the compiler may not leave it out.
///
/// As safe as `Zeroize`, which writes byte by byte through a volatile pointer, but it compiles to one `memset`.
pub(crate) fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    zeroize::optimization_barrier(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wiped_bytes_are_zero() {
        let mut bytes = *b"secret";
        wipe(&mut bytes[..5]);
        assert_eq!(&bytes, b"\0\0\0\0\0t");
    }
}
