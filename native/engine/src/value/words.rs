//! An enum of which every variant has a word, by which it is given and shown.

/// Declares the enum, with `ALL`, `word` and `from_word`. A row is a variant and its word:
///
/// ```text
/// words! {
///     /// An animal.
///     Animal {
///         /// It barks.
///         Dog = "dog",
///     }
/// }
/// ```
macro_rules! words {
    ($(#[$about:meta])* $enum:ident {
        $($(#[$doc:meta])* $variant:ident = $word:literal,)*
    }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $enum { $($(#[$doc])* $variant,)* }

        impl $enum {
            /// Every one, in the order of the table.
            pub const ALL: &'static [$enum] = &[$($enum::$variant,)*];

            /// The word by which it is given.
            pub const fn word(self) -> &'static str {
                match self { $($enum::$variant => $word,)* }
            }

            /// The one of a word.
            pub fn from_word(word: &str) -> Option<$enum> {
                match word {
                    $($word => Some($enum::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use words;
