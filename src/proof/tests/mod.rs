//! Tests of the room as a whole; what is small is tested where it is.
