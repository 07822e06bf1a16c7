//! What a call may ask for: tuples that begin with their kind, a table for each use.

/// Declares a table and the function that decodes by it. A row is the kind, the names of its parts,
/// and the method of [`Decode`](super::Decode) that decodes these.
macro_rules! kinds {
    ($(#[$about:meta])* $table:ident, fn $decode:ident($what:literal) -> $of:ty {
        $($kind:literal [$($part:ident),*] => $method:ident;)*
    }) => {
        $(#[$about])*
        pub const $table: &[(&str, usize)] =
            &[$(($kind, <[&str]>::len(&[$(stringify!($part)),*])),)*];

        fn $decode(decode: &mut Decode, kind: &str, parts: &[Term<'_>]) -> Decoded<$of> {
            match (kind, parts) {
                $(($kind, [$($part),*]) => decode.$method($(*$part),*),)*
                _ => Err(invalid(format!(
                    "there is no {} {kind} of {} parts",
                    $what,
                    parts.len()
                ))),
            }
        }
    };
}

pub(super) use kinds;
