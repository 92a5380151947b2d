//! Libraries of others: find, check, load.
