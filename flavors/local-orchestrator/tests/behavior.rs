//! The orchestrator does what every orchestrator must do, with few threads and with as many as there are processors.

use sundae_local_orchestrator::LocalOrchestrator;
use sundae_plugin_testkit::json;

sundae_plugin_testkit::orchestrator! {
    one_at_a_time: LocalOrchestrator = |_| json!({ "parallelism": 1 });
}

sundae_plugin_testkit::orchestrator! {
    three_at_a_time: LocalOrchestrator = |_| json!({ "parallelism": 3 });
}

sundae_plugin_testkit::orchestrator! {
    by_default: LocalOrchestrator = |_| json!({});
}
