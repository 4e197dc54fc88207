//! Grants in PostgreSQL.
