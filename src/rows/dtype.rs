//! NumPy's names for element types, as they stand in an `.npy` header.
//! Source: `numpy.dtype.str` and NEP 1.

use crate::rows::number::Number;
use anyhow::{Result, bail};
use std::fmt;

/// What the elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Int,
    Uint,
    Float,
    Complex,
    /// Bytes, text, raw records, dates: rows that can be moved but are not numbers.
    Opaque,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    Little,
    Big,
    /// One byte an element, or raw bytes: there is nothing to swap.
    None,
}

/// An element type of fixed size.
///
/// `descr` is the spelling that `np.save` writes (`<f4`, `|b1`, `>c16`), so equal types have equal `descr`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dtype {
    descr: String,
    kind: Kind,
    order: ByteOrder,
    size: u64,
    /// The type of numbers, in either byte order.
    number: Option<Number>,
}

impl From<Number> for Dtype {
    /// The element type of these numbers, in little-endian bytes.
    fn from(number: Number) -> Self {
        let descr = number.descr();
        Self {
            descr: descr.into(),
            kind: Kind::of(char::from(descr.as_bytes()[1])),
            order: match number.size() {
                1 => ByteOrder::None,
                _ => ByteOrder::Little,
            },
            size: number.size() as u64,
            number: Some(number),
        }
    }
}

impl Dtype {
    /// Reads a `descr` string.
    ///
    /// # Errors
    /// Pickled objects, and names that NumPy does not have.
    pub fn parse(descr: &str) -> Result<Self> {
        let (order, rest) = match descr.as_bytes().first() {
            Some(b'<') => (ByteOrder::Little, &descr[1..]),
            Some(b'>') => (ByteOrder::Big, &descr[1..]),
            Some(b'=' | b'|') => (NATIVE, &descr[1..]),
            _ => (NATIVE, descr),
        };
        let Some(code) = rest.chars().next().filter(char::is_ascii) else {
            bail!("expected a dtype like '<f4', found '{descr}'");
        };
        let tail = &rest[1..];
        let length = tail.parse::<u64>().ok();
        let number = length.and_then(|length| Number::named(code, length));
        let size = match (code, length) {
            ('O', _) => bail!(
                "expected numbers, found pickled objects (dtype '{descr}'), which only Python may open; \
                 save the array again with a numeric dtype"
            ),
            (_, Some(n)) if number.is_some() => n,
            ('f', Some(n @ (12 | 16))) | ('c', Some(n @ (8 | 16 | 24 | 32))) => n,
            ('S' | 'V', Some(n)) if n <= MAX_OPAQUE => n,
            ('U', Some(n)) if n <= MAX_OPAQUE => n * 4,
            ('M' | 'm', None) if is_date_unit(tail) => 8,
            _ => bail!("expected a dtype like '<f4', found '{descr}'"),
        };
        let order = if size == 1 || matches!(code, 'S' | 'V') {
            ByteOrder::None
        } else {
            order
        };
        // Parsing the number and printing it again drops '+' and leading zeros.
        let tail = length.map_or(tail.into(), |n| n.to_string());
        Ok(Self {
            descr: format!("{}{code}{tail}", order.sign()),
            kind: Kind::of(code),
            order,
            size,
            number,
        })
    }

    /// NumPy's spelling: `<f4`.
    #[must_use]
    pub fn descr(&self) -> &str {
        &self.descr
    }

    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What the elements are, in whichever byte order. `None` for complex numbers, long doubles, and what are no numbers.
    #[must_use]
    pub fn number(&self) -> Option<Number> {
        self.number
    }

    #[must_use]
    pub fn order(&self) -> ByteOrder {
        self.order
    }

    /// The same numbers in little-endian bytes.
    #[must_use]
    pub fn little_endian(&self) -> Self {
        match self.order {
            ByteOrder::Big => Self {
                descr: self.descr.replacen('>', "<", 1),
                order: ByteOrder::Little,
                ..self.clone()
            },
            _ => self.clone(),
        }
    }

    /// Bytes an element.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.descr)
    }
}

impl Kind {
    /// The kind that NumPy's letter stands for.
    fn of(letter: char) -> Self {
        match letter {
            'b' => Self::Bool,
            'i' => Self::Int,
            'u' => Self::Uint,
            'f' => Self::Float,
            'c' => Self::Complex,
            _ => Self::Opaque,
        }
    }
}

impl ByteOrder {
    fn sign(self) -> char {
        match self {
            Self::Little => '<',
            Self::Big => '>',
            Self::None => '|',
        }
    }
}

const NATIVE: ByteOrder = if cfg!(target_endian = "little") {
    ByteOrder::Little
} else {
    ByteOrder::Big
};

/// NumPy keeps an element's size in a C int.
const MAX_OPAQUE: u64 = i32::MAX as u64 / 4;

/// `[ns]`, `[25s]`, or nothing: the unit of a date or a time span.
fn is_date_unit(tail: &str) -> bool {
    let Some(rest) = tail.strip_prefix('8') else {
        return false;
    };
    let inner = rest.strip_prefix('[').and_then(|r| r.strip_suffix(']'));
    let unit = inner.map(|i| i.trim_start_matches(|c: char| c.is_ascii_digit()));
    rest.is_empty()
        || unit.is_some_and(|u| {
            rest.len() <= 16 && !u.is_empty() && u.chars().all(|c| c.is_ascii_alphabetic())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_type_are_equal() {
        for (a, b) in [
            ("f4", "<f4"),
            ("=f4", "<f4"),
            ("<u1", "|u1"),
            (">b1", "|b1"),
        ] {
            assert_eq!(Dtype::parse(a).unwrap(), Dtype::parse(b).unwrap());
        }
        assert_eq!(Dtype::parse(">U7").unwrap().size(), 28);
        assert_eq!(Dtype::parse("<M8[25s]").unwrap().descr(), "<M8[25s]");
        for number in Number::ALL {
            let parsed = Dtype::parse(number.descr()).unwrap();
            assert_eq!(parsed.number(), Some(number));
            assert_eq!(parsed, Dtype::from(number));
        }
    }

    #[test]
    fn what_numpy_does_not_name_is_refused() {
        for descr in [
            "",
            "<",
            "f3",
            "<f",
            "i16",
            "é4",
            "<M8[]",
            "<M9[s]",
            "U999999999",
            "f-4",
            "|é",
        ] {
            let error = Dtype::parse(descr).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("expected a dtype like '<f4', found '{descr}'")
            );
        }
        assert!(
            Dtype::parse("|O")
                .unwrap_err()
                .to_string()
                .contains("pickled")
        );
    }
}
