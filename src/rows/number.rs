//! The types of numbers that rows may have: the one table of what NumPy calls them and how many bytes each takes.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    F32,
    F64,
}

impl Number {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Bool,
        Self::I8,
        Self::I16,
        Self::I32,
        Self::I64,
        Self::U8,
        Self::U16,
        Self::U32,
        Self::U64,
        Self::F16,
        Self::F32,
        Self::F64,
    ];

    /// NumPy's name, little endian, and the bytes of one.
    const fn facts(self) -> (&'static str, usize) {
        match self {
            Self::Bool => ("|b1", 1),
            Self::I8 => ("|i1", 1),
            Self::I16 => ("<i2", 2),
            Self::I32 => ("<i4", 4),
            Self::I64 => ("<i8", 8),
            Self::U8 => ("|u1", 1),
            Self::U16 => ("<u2", 2),
            Self::U32 => ("<u4", 4),
            Self::U64 => ("<u8", 8),
            Self::F16 => ("<f2", 2),
            Self::F32 => ("<f4", 4),
            Self::F64 => ("<f8", 8),
        }
    }

    /// As NumPy calls it: little endian.
    #[must_use]
    pub const fn descr(self) -> &'static str {
        self.facts().0
    }

    /// Bytes of one.
    #[must_use]
    pub const fn size(self) -> usize {
        self.facts().1
    }

    /// The type that NumPy calls by this letter and size, in either byte order. `None` for complex numbers, long doubles,
    /// and what are no numbers.
    #[must_use]
    pub fn named(letter: char, size: u64) -> Option<Self> {
        let is_meant = |number: &Self| {
            number.descr().chars().nth(1) == Some(letter) && number.size() as u64 == size
        };
        Self::ALL.into_iter().find(is_meant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_in_sizes_and_lead_back() {
        for number in Number::ALL {
            let (letter, size) = number.descr()[1..].split_at(1);
            assert_eq!(size.parse(), Ok(number.size()));
            let letter = letter.chars().next().unwrap();
            assert_eq!(Number::named(letter, number.size() as u64), Some(number));
        }
        assert_eq!(Number::named('f', 16), None);
        assert_eq!(Number::named('c', 8), None);
    }
}
