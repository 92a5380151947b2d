//! Which names are allowed, and the environment variables they become.

/// Longer ones would not fit into the file names that are made of them.
const LONGEST: usize = 128;

/// Whether steps, inputs, outputs and params may be called so: `[A-Za-z_][A-Za-z0-9_-]*`, at most 128 characters.
pub fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= LONGEST
        && bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// The name of a step as one file name. Steps of inner pipelines have a `/` in their names, and items of a fan-out a `:`, which
/// would part the entries of variables like `PATH`; neither of the characters that stand for them can be in a name.
pub fn file_name(step: &str) -> String {
    /// With room for what is put behind it: file systems take 255 bytes.
    const LONGEST_FILE: usize = 200;
    let name = step.replace('/', "+").replace(':', "@");
    if name.len() <= LONGEST_FILE {
        return name;
    }
    // Names are ASCII. The start is for people, the digest keeps names with the same start apart.
    let digest = blake3::hash(step.as_bytes()).to_hex();
    let start: String = name.chars().take(LONGEST_FILE - 17).collect();
    format!("{start}={}", &digest[..16])
}

/// Whether a pipeline may be called so: as [`is_name`], and dots and a leading digit are fine too.
pub(super) fn is_pipeline_name(text: &str) -> bool {
    let first = text.bytes().next();
    text.len() <= LONGEST
        && first.is_some_and(|first| first.is_ascii_alphanumeric() || first == b'_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

/// The end of the environment variables that stand for `name`: `my-data` gives `MY_DATA`, as in `SUNDAE_IN_MY_DATA`.
pub fn variable(name: &str) -> String {
    let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    name.chars().map(upper).collect()
}

/// Whether an environment variable may be called so.
pub(super) fn is_variable(text: &str) -> bool {
    is_name(text) && !text.contains('-')
}

/// Whether Sundae itself sets the environment variable of that name for a step.
pub fn is_reserved(variable: &str) -> bool {
    let Some(rest) = variable.strip_prefix("SUNDAE_") else { return false };
    ["IN_", "OUT_", "PARAM_"].iter().any(|prefix| rest.starts_with(prefix))
        || ["RUN", "STEP", "ATTEMPT", "CONTEXT", "MESSAGES", "WORKER"].contains(&rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_of_steps_are_flat_and_differ() {
        assert_eq!(file_name("train"), "train");
        assert_eq!(file_name("prepare/clean:12"), "prepare+clean@12");
        let deep = |end: &str| "a".repeat(120) + "/" + &"b".repeat(120) + end;
        let (one, other) = (file_name(&deep("1")), file_name(&deep("2")));
        assert!(one.len() <= 200 && one.starts_with("aaa"));
        assert_ne!(one, other);
    }
}
