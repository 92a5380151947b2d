//! The engine as a library: real pipelines, real commands, and the real local flavors in this process.

// As a test module, so that helpers may unwrap as tests may.
#[cfg(test)]
mod engine {
    mod caching;
    mod cancelling;
    mod conditions;
    mod contract;
    mod damage;
    mod elsewhere;
    mod failing;
    mod folders;
    mod foretold;
    mod keeping;
    mod killed;
    mod meddled;
    mod misbehaving;
    mod outages;
    mod policies;
    mod policies_at_random;
    mod processes;
    mod resuming;
    mod running;
    mod scale;
    mod scheduling;
    mod space;
    mod support;
}
