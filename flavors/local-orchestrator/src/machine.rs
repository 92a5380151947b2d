//! What this machine has for steps to use.

use std::fs;

use sundae_plugin_api::{Error, ErrorKind, Resources};

/// The processors, the memory in bytes and the GPUs.
pub(crate) fn resources(processors: u32) -> Resources {
    let mut resources = Resources::from([("cpus".to_owned(), f64::from(processors))]);
    if let Some(memory) = memory() {
        resources.insert("memory".to_owned(), memory);
    }
    resources.insert("gpus".to_owned(), f64::from(gpus()));
    resources
}

/// The memory of the machine, or less where a container has a limit.
fn memory() -> Option<f64> {
    let table = fs::read_to_string("/proc/meminfo").ok()?;
    let total = table.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: f64 = total.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    let limit = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let limit = limit.and_then(|text| text.trim().parse::<f64>().ok());
    Some(limit.unwrap_or(f64::INFINITY).min(kibibytes * 1024.0))
}

/// The devices that the drivers of NVIDIA have made.
fn gpus() -> u32 {
    let devices = fs::read_dir("/dev").into_iter().flatten().flatten();
    let names = devices.filter_map(|device| device.file_name().into_string().ok());
    let numbered = names
        .filter(|name| name.strip_prefix("nvidia").is_some_and(|rest| rest.parse::<u32>().is_ok()));
    u32::try_from(numbered.count()).unwrap_or(u32::MAX)
}

/// An amount as it is configured: a number, or a size such as `8GiB`.
pub(crate) fn amount(name: &str, text: &str) -> Result<f64, Error> {
    let number = text.trim().parse::<f64>().ok().or_else(|| {
        #[expect(clippy::cast_precision_loss, reason = "nobody has so many bytes that it matters")]
        text.trim().parse::<bytesize::ByteSize>().ok().map(|size| size.as_u64() as f64)
    });
    number.filter(|amount| amount.is_finite() && *amount >= 0.0).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidConfig,
            format!("`{text}` is no amount of `{name}`: write a number, or a size such as 8GiB"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_numbers_or_sizes() {
        assert_eq!(amount("memory", "8GiB").unwrap(), 8.0 * 1024.0 * 1024.0 * 1024.0);
        assert_eq!(amount("license", " 2 ").unwrap(), 2.0);
        for wrong in ["", "much", "-1", "NaN", "inf"] {
            assert!(amount("license", wrong).is_err(), "{wrong}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_has_memory() {
        assert!(resources(3)["memory"] > 1e6);
        assert_eq!(resources(3)["cpus"], 3.0);
    }
}
