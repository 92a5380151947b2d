//! What the integration tests of the host have in common.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

pub mod plugins;
