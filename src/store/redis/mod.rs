//! Grants in Redis or Valkey.
