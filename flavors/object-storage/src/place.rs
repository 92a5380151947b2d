//! Where a store keeps its objects, in the words that its errors use.

/// A bucket, container or folder on a service, and how people name its parts.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// What holds the objects there: `bucket`, `container`, `folder`.
    pub(crate) holder: &'static str,
    /// Its name.
    pub(crate) name: String,
    /// The field of the configuration in which that name stands.
    pub(crate) field: &'static str,
    /// The address of the service.
    pub(crate) endpoint: String,
    /// What to do about credentials that do not suffice.
    pub(crate) credentials: &'static str,
    /// What a store needs to be allowed.
    pub(crate) permissions: &'static str,
    /// The whole address, for people.
    pub(crate) location: String,
}

impl Place {
    /// Names the place: `bucket `training` at https://…`.
    pub(crate) fn text(&self) -> String {
        format!("{} `{}` at {}", self.holder, self.name, self.endpoint)
    }
}

/// A prefix as the configuration has it, as a path: without `/` at either end.
pub(crate) fn trimmed(prefix: Option<&str>) -> &str {
    prefix.unwrap_or_default().trim_matches('/')
}
