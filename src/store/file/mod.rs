//! Grants in one file on disk.
