//! The name that was probably meant, and the names there are.

/// The candidate nearest to `wrong`, if one is near enough to be worth a guess.
pub(crate) fn nearest<'c>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let wrong = wrong.to_ascii_lowercase();
    let mut best = None;
    for candidate in candidates {
        let allowed = (wrong.len().max(candidate.len()) / 3).clamp(1, 4);
        if candidate.len().abs_diff(wrong.len()) > allowed {
            continue;
        }
        let distance = strsim::osa_distance(&wrong, &candidate.to_ascii_lowercase());
        // Of very short names, one with every letter changed is near, and yet has nothing in common.
        let is_near = distance <= allowed && distance < candidate.len().max(wrong.len());
        if is_near && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// `did you mean …? known …: …`, or as much of it as there is to say.
pub(crate) fn suggestion<'c>(
    wrong: &str,
    called: &str,
    candidates: impl IntoIterator<Item = &'c str> + Clone,
) -> Option<String> {
    let known = listed(candidates.clone());
    match (nearest(wrong, candidates), known) {
        (Some(nearest), Some(known)) => {
            Some(format!("did you mean `{nearest}`? {called}: {known}"))
        }
        (Some(nearest), None) => Some(format!("did you mean `{nearest}`?")),
        (None, Some(known)) => Some(format!("{called}: {known}")),
        (None, None) => None,
    }
}

/// The names with commas between, the first twelve of them.
pub(crate) fn listed<'c>(names: impl IntoIterator<Item = &'c str>) -> Option<String> {
    const SHOWN: usize = 12;
    let mut names = names.into_iter();
    let shown: Vec<&str> = names.by_ref().take(SHOWN).collect();
    if shown.is_empty() {
        return None;
    }
    let more = names.count();
    let shown = shown.join(", ");
    Some(if more == 0 { shown } else { format!("{shown}, and {more} more") })
}
