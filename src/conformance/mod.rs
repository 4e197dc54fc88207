//! Checks for a token store of your own.
