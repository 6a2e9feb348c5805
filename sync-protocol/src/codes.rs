//! Closed lists of codes: stable English `snake_case` on the wire, one enum each.

/// Declares an enum whose variants have wire codes, with `code`, `parse` and serde by code.
macro_rules! codes {
    ($(#[$doc:meta])* $vis:vis enum $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// All values, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code on the wire.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// The value of a code; `None` for codes that this version does not know.
            #[must_use]
            pub fn parse(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.code())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let code = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&code).ok_or_else(|| serde::de::Error::custom(format!("unknown code {code}")))
            }
        }
    };
}
pub(crate) use codes;

/// Declares a set of codes held in one integer, written as a sorted list of codes.
macro_rules! code_set {
    ($(#[$doc:meta])* $vis:vis struct $set:ident($int:ty) of $item:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        $vis struct $set($int);

        impl $set {
            /// The empty set.
            pub const NONE: Self = Self(0);

            /// The set of all codes.
            #[must_use]
            pub fn all() -> Self {
                $item::ALL.iter().copied().collect()
            }

            /// Adds one.
            pub fn insert(&mut self, item: $item) {
                self.0 |= 1 << item as u32;
            }

            /// Adds one where a condition holds.
            pub fn insert_if(&mut self, condition: bool, item: $item) {
                if condition {
                    self.insert(item);
                }
            }

            /// Whether it holds one.
            #[must_use]
            pub const fn contains(self, item: $item) -> bool {
                self.0 & (1 << item as u32) != 0
            }

            /// Whether it holds none.
            #[must_use]
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// As [`Self::is_empty`], for serde.
            #[must_use]
            pub const fn is_empty_ref(&self) -> bool {
                self.0 == 0
            }

            /// What either holds.
            #[must_use]
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// What both hold.
            #[must_use]
            pub const fn intersection(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }

            /// Those it holds, in the order of their declaration.
            pub fn iter(self) -> impl Iterator<Item = $item> {
                $item::ALL.iter().copied().filter(move |item| self.contains(*item))
            }
        }

        impl FromIterator<$item> for $set {
            fn from_iter<I: IntoIterator<Item = $item>>(items: I) -> Self {
                let mut set = Self::NONE;
                items.into_iter().for_each(|item| set.insert(item));
                set
            }
        }

        impl serde::Serialize for $set {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.iter())
            }
        }

        impl<'de> serde::Deserialize<'de> for $set {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(<Vec<$item>>::deserialize(deserializer)?.into_iter().collect())
            }
        }
    };
}
pub(crate) use code_set;
