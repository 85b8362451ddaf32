//! Every text of the interface, in every language.
//!
//! A phrase is one row with its five forms side by side, so that who changes one sees the others;
//! a row with a form too few does not compile. `{n}`, `{time}` and their like are filled in by
//! [`fill`]; a test holds that all five forms of a phrase have the same ones.
//!
//! The tone: short, calm, polite. Italian and Spanish say "tu" and "tú", as people are used to
//! from their programs; French says "vous", German "Sie".

use super::language::Language;

pub mod around;
pub mod entrance;
pub mod everywhere;
pub mod reading;
pub mod writing;

/// The texts of one language.
#[derive(Clone, Copy, Debug)]
pub struct Texts {
    /// What stands on every page.
    pub all: &'static everywhere::Everywhere,
    /// Logging in.
    pub entrance: &'static entrance::Entrance,
    /// Lists and messages.
    pub reading: &'static reading::Reading,
    /// Writing.
    pub writing: &'static writing::Writing,
    /// Address book, settings, errors.
    pub around: &'static around::Around,
}

impl Language {
    /// Its texts.
    pub fn texts(self) -> Texts {
        Texts {
            all: everywhere::Everywhere::of(self),
            entrance: entrance::Entrance::of(self),
            reading: reading::Reading::of(self),
            writing: writing::Writing::of(self),
            around: around::Around::of(self),
        }
    }
}

/// A phrase with its gaps filled: `fill("since {time}", &[("time", "10:00")])`.
pub fn fill(phrase: &str, gaps: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(phrase.len() + 32);
    let mut rest = phrase;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, more)) = after.split_once('}') else {
            filled.push('{');
            rest = after;
            continue;
        };
        let value = gaps.iter().find(|(gap, _)| *gap == name);
        filled.push_str(value.map_or("", |(_, value)| value));
        rest = more;
    }
    filled.push_str(rest);
    filled
}

/// Rows of `name: English, Italian, French, Spanish, German;`.
macro_rules! phrases {
    ($(#[$doc:meta])* $name:ident { $($key:ident: $en:literal, $it:literal, $fr:literal, $es:literal, $de:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            $(#[doc = $en] pub $key: &'static str,)*
        }

        impl $name {
            /// The texts of a language.
            pub fn of(language: $crate::people::webmail::Language) -> &'static Self {
                static EN: $name = $name { $($key: $en,)* };
                static IT: $name = $name { $($key: $it,)* };
                static FR: $name = $name { $($key: $fr,)* };
                static ES: $name = $name { $($key: $es,)* };
                static DE: $name = $name { $($key: $de,)* };
                match language {
                    $crate::people::webmail::Language::English => &EN,
                    $crate::people::webmail::Language::Italian => &IT,
                    $crate::people::webmail::Language::French => &FR,
                    $crate::people::webmail::Language::Spanish => &ES,
                    $crate::people::webmail::Language::German => &DE,
                }
            }

            /// All of them by name, for the tests.
            #[cfg(test)]
            pub fn rows(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($key), self.$key),)*]
            }
        }
    };
}
pub(crate) use phrases;
