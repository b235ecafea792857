//! The numbers of the contract as types: signals, levels, fields and kinds. What each means is written in
//! `wit/types.wit`. They are numbers and not enums, because later versions of 0.1 may add codes, which a plugin
//! of today must pass by.

use std::ops::BitOr;

/// Defines a code, its known values, and the mask that holds several of them.
macro_rules! code {
    ($(#[$doc:meta])* $code:ident, $(#[$mask_doc:meta])* $mask:ident, { $($(#[$value_doc:meta])* $value:ident = $number:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $code(pub u8);

        impl $code {
            $($(#[$value_doc])* pub const $value: $code = $code($number);)+
            /// Every value that this SDK knows.
            pub const ALL: &'static [$code] = &[$($code($number)),+];

            const fn bit(self) -> u32 {
                // A code of 32 or more has no bit: it is one that no mask of today can mean.
                if self.0 < 32 { 1 << self.0 } else { 0 }
            }
        }

        $(#[$mask_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
        pub struct $mask(u32);

        impl $mask {
            /// The mask of nothing, which the contract reads as "no restriction".
            pub const NONE: $mask = $mask(0);

            /// The bits, as they cross to weir.
            pub const fn bits(self) -> u32 {
                self.0
            }

            /// Whether the code is in the mask.
            pub const fn has(self, code: $code) -> bool {
                self.0 & code.bit() != 0
            }
        }

        impl From<$code> for $mask {
            fn from(code: $code) -> $mask {
                $mask(code.bit())
            }
        }

        impl<const N: usize> From<[$code; N]> for $mask {
            fn from(codes: [$code; N]) -> $mask {
                codes.into_iter().collect()
            }
        }

        impl FromIterator<$code> for $mask {
            fn from_iter<I: IntoIterator<Item = $code>>(codes: I) -> $mask {
                $mask(codes.into_iter().fold(0, |bits, code| bits | code.bit()))
            }
        }

        impl BitOr for $mask {
            type Output = $mask;
            fn bitor(self, other: $mask) -> $mask {
                $mask(self.0 | other.0)
            }
        }
    };
}

code! {
    /// What a batch carries.
    Signal,
    /// Several signals.
    Signals,
    {
        /// Spans.
        TRACES = 1,
        /// Data points.
        METRICS = 2,
        /// Log records.
        LOGS = 3,
    }
}

code! {
    /// What an entity is.
    Level,
    /// Several levels.
    Levels,
    {
        /// A resource, with all that came from it.
        RESOURCE = 1,
        /// An instrumentation scope.
        SCOPE = 2,
        /// A metric; its attributes are the metric's metadata.
        METRIC = 3,
        /// A span, a log record or a data point.
        ITEM = 4,
        /// A span event.
        EVENT = 5,
        /// A span link.
        LINK = 6,
        /// An exemplar; its attributes are the filtered attributes.
        EXEMPLAR = 7,
    }
}

code! {
    /// What a value is.
    Kind,
    /// Several kinds.
    Kinds,
    {
        /// UTF-8 text.
        STRING = 1,
        /// True or false.
        BOOL = 2,
        /// A 64-bit integer.
        INT = 3,
        /// A 64-bit floating-point number.
        DOUBLE = 4,
        /// Bytes.
        BYTES = 5,
        /// A list of values; its elements are the cells after it.
        ARRAY = 6,
        /// Keys with values; its members are the cells after it.
        MAP = 7,
        /// An attribute or element without a value.
        EMPTY = 8,
        /// Unsigned 64-bit integers, such as bucket counts.
        UINTS = 9,
        /// 64-bit floating-point numbers, such as bucket bounds.
        DOUBLES = 10,
        /// In edits only: an encoded `AnyValue`.
        ENCODED = 11,
        /// A value of a kind that this weir does not know.
        OPAQUE = 12,
    }
}

/// What a cell is: one of OTLP's own fields, or an attribute by its key. Compare fields; do not compare names.
///
/// The constants are OTLP's own fields. [`Interest::attribute`](crate::Interest::attribute) gives the field of an
/// attribute key, which stays valid for the life of the plugin. The field of any other key is valid for one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field(pub u32);

#[allow(missing_docs, reason = "each is described in wit/types.wit")]
impl Field {
    pub const ELEMENT: Field = Field(1);
    pub const ATTRIBUTE: Field = Field(2);
    pub const SCHEMA_URL: Field = Field(16);
    pub const NAME: Field = Field(17);
    pub const VERSION: Field = Field(18);
    pub const DESCRIPTION: Field = Field(19);
    pub const UNIT: Field = Field(20);
    pub const STATUS_MESSAGE: Field = Field(21);
    pub const TRACE_STATE: Field = Field(22);
    pub const BODY: Field = Field(23);
    pub const SEVERITY_TEXT: Field = Field(24);
    pub const EVENT_NAME: Field = Field(25);
    pub const TRACE_ID: Field = Field(26);
    pub const SPAN_ID: Field = Field(27);
    pub const PARENT_SPAN_ID: Field = Field(28);
    pub const KIND: Field = Field(29);
    pub const STATUS_CODE: Field = Field(30);
    pub const FLAGS: Field = Field(31);
    pub const START_TIME: Field = Field(32);
    pub const END_TIME: Field = Field(33);
    pub const TIME: Field = Field(34);
    pub const OBSERVED_TIME: Field = Field(35);
    pub const SEVERITY_NUMBER: Field = Field(36);
    pub const DROPPED_ATTRIBUTES: Field = Field(37);
    pub const DROPPED_EVENTS: Field = Field(38);
    pub const DROPPED_LINKS: Field = Field(39);
    pub const VALUE: Field = Field(40);
    pub const COUNT: Field = Field(41);
    pub const SUM: Field = Field(42);
    pub const MIN: Field = Field(43);
    pub const MAX: Field = Field(44);
    pub const BUCKET_COUNTS: Field = Field(45);
    pub const EXPLICIT_BOUNDS: Field = Field(46);
    pub const SCALE: Field = Field(47);
    pub const ZERO_COUNT: Field = Field(48);
    pub const ZERO_THRESHOLD: Field = Field(49);
    pub const POSITIVE_OFFSET: Field = Field(50);
    pub const POSITIVE_COUNTS: Field = Field(51);
    pub const NEGATIVE_OFFSET: Field = Field(52);
    pub const NEGATIVE_COUNTS: Field = Field(53);
    pub const QUANTILES: Field = Field(54);
    pub const QUANTILE_VALUES: Field = Field(55);
    pub const TEMPORALITY: Field = Field(56);
    pub const MONOTONIC: Field = Field(57);
    pub const DATA_TYPE: Field = Field(58);
}

impl Field {
    /// The first number that names an attribute key; smaller ones are OTLP's own fields.
    pub(crate) const NAMED: u32 = 256;
    /// The first number of a key that an answer defines itself.
    pub(crate) const DEFINED: u32 = 0x8000_0000;

    /// Whether this names an attribute (or the key of a map's member) rather than one of OTLP's own fields.
    pub const fn is_named(self) -> bool {
        self.0 >= Self::NAMED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_has_the_bits_that_the_contract_numbers() {
        let levels = Levels::from([Level::RESOURCE, Level::ITEM]);
        assert_eq!(levels.bits(), 0b1_0010);
        assert!(levels.has(Level::ITEM) && !levels.has(Level::SCOPE));
        assert_eq!((levels | Level::SCOPE.into()).bits(), 0b1_0110);
    }

    #[test]
    fn a_code_of_a_later_version_is_in_no_mask() {
        assert_eq!(Kinds::from(Kind(200)).bits(), 0);
        assert!(!Kinds::from([Kind::STRING]).has(Kind(33)));
    }
}
