//! Digests of sensitive values, in SQL.

/// A value as JSON that tells that it changed, and nothing of it.
pub(super) fn encoded(place: &str) -> String {
    format!(
        "CASE WHEN {place} IS NULL THEN 'null' \
         ELSE '{{\"digest\":\"' || hex(randomblob(32)) || '\"}}' END"
    )
}
