//! What a plugin says of itself is taken for what it is: text of a stranger. Names are checked, texts are cleaned.

use std::collections::HashSet;

use semver::Version;
use sundae_plugin_api::{FlavorIdentity, Identity, note};

/// An identity that is safe to show and to look things up by.
///
/// # Errors
/// In words that follow "its identity cannot be read:".
pub(super) fn checked(mut identity: Identity) -> Result<Identity, String> {
    if !is_word(&identity.name) {
        return Err(format!("`{}` is not a name of a plugin", identity.name.escape_debug()));
    }
    if Version::parse(&identity.version).is_err() {
        return Err(format!("`{}` is not a version", identity.version.escape_debug()));
    }
    let mut seen = HashSet::new();
    for flavor in &mut identity.flavors {
        check_flavor(flavor)?;
        if !seen.insert((flavor.kind.clone(), flavor.name.clone())) {
            return Err(format!("it has the flavor {} twice", flavor.full_name()));
        }
    }
    let Identity { summary, license, homepage, authors, boundary, target, .. } = &mut identity;
    for text in [summary, license, homepage, authors, boundary, target] {
        clean(text);
    }
    for text in
        [&mut identity.features, &mut identity.rustc, &mut identity.api, &mut identity.panic]
    {
        clean(text);
    }
    Ok(identity)
}

fn check_flavor(flavor: &mut FlavorIdentity) -> Result<(), String> {
    let full_name = flavor.full_name();
    if !note::is_flavor_name(&flavor.kind) || !note::is_flavor_name(&flavor.name) {
        return Err(format!("`{}` is not a name of a flavor", full_name.escape_debug()));
    }
    clean(&mut flavor.summary);
    flavor.interfaces.iter_mut().for_each(clean);
    for field in &mut flavor.config.fields {
        if !is_word(&field.name) {
            let name = field.name.escape_debug();
            return Err(format!("`{name}` is not a name of a field of {full_name}"));
        }
        clean(&mut field.help);
        field.choices.iter_mut().for_each(clean);
    }
    Ok(())
}

/// Something that can be typed after `--`.
fn is_word(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !text.is_empty() && text.len() <= 64 && !text.starts_with('-') && text.bytes().all(is_plain)
}

/// A text that is shown must not move the cursor or end the line.
fn clean(text: &mut String) {
    if text.contains(char::is_control) {
        *text = text.replace(char::is_control, " ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn identity(flavor: &serde_json::Value) -> Identity {
        serde_json::from_value(json!({
            "name": "acme-s3", "version": "1.0.0-rc.1+7", "boundary": "b", "target": "t", "flavors": [flavor]
        }))
        .unwrap()
    }

    fn flavor() -> serde_json::Value {
        json!({ "kind": "artifact-store", "name": "s3", "interfaces": ["artifact-store/1"],
                "config": [{ "name": "access_key", "type": "string" }] })
    }

    #[test]
    fn an_ordinary_identity_stays_as_it_is() {
        let identity = identity(&flavor());
        assert_eq!(checked(identity.clone()), Ok(identity));
    }

    #[test]
    fn names_that_cannot_be_typed_are_refused() {
        let with = |part: &str, value: &str| {
            let mut identity = identity(&flavor());
            let flavor = &mut identity.flavors[0];
            match part {
                "plugin" => identity.name = value.to_owned(),
                "version" => identity.version = value.to_owned(),
                "kind" => flavor.kind = value.to_owned(),
                "flavor" => flavor.name = value.to_owned(),
                _ => flavor.config.fields[0].name = value.to_owned(),
            }
            checked(identity).unwrap_err()
        };
        assert_eq!(with("plugin", "a\u{1b}[2Jb"), r"`a\u{1b}[2Jb` is not a name of a plugin");
        assert_eq!(with("plugin", "../x"), "`../x` is not a name of a plugin");
        assert_eq!(with("version", "one"), "`one` is not a version");
        assert_eq!(with("kind", ""), "`/s3` is not a name of a flavor");
        assert_eq!(with("flavor", "a/b"), "`artifact-store/a/b` is not a name of a flavor");
        assert_eq!(with("field", "a=b"), "`a=b` is not a name of a field of artifact-store/s3");
        assert_eq!(with("field", "-x"), "`-x` is not a name of a field of artifact-store/s3");
    }

    #[test]
    fn the_same_flavor_twice_is_refused() {
        let mut twice = identity(&flavor());
        twice.flavors.push(twice.flavors[0].clone());
        assert_eq!(checked(twice).unwrap_err(), "it has the flavor artifact-store/s3 twice");
    }

    #[test]
    fn texts_cannot_move_the_cursor() {
        let mut odd = identity(&flavor());
        odd.summary = "fine\r\n\u{1b}]0;title\u{7}".to_owned();
        odd.flavors[0].config.fields[0].help = "ä\tb".to_owned();
        let odd = checked(odd).unwrap();
        assert_eq!(odd.summary, "fine   ]0;title ");
        assert_eq!(odd.flavors[0].config.fields[0].help, "ä b");
    }
}
