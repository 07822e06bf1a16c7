//! The nearest known name, for messages that say "did you mean".

/// The name among `known` that is most like `name`, if any is like it at all.
///
/// ```
/// use ash_rusqlite_engine::nearest;
/// assert_eq!(nearest("mesages", ["messages", "rooms"]), Some("messages"));
/// assert_eq!(nearest("zzz", ["messages", "rooms"]), None);
/// ```
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}
