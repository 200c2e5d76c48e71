//! The Python literal that is an `.npy` header: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
//!
//! Only this one form is read, by a loop and without recursion, so no header can exhaust the stack or the heap:
//! everything kept is shorter than the text it came from.

use anyhow::{Context, Result, bail, ensure};

/// NumPy's limit on the number of axes.
const MAX_AXES: usize = 64;

/// The three values of the dictionary.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fields {
    pub descr: String,
    pub fortran_order: bool,
    pub shape: Vec<u64>,
}

/// Reads the dictionary; keys may come in any order.
///
/// # Errors
/// A key that is missing, twice there or unknown; a value of another type; anything after the dictionary.
pub fn parse(text: &str) -> Result<Fields> {
    let mut cursor = Cursor { rest: text };
    let (mut descr, mut fortran_order, mut shape) = (None, None, None);
    cursor.expect('{')?;
    while !cursor.accept('}') {
        let key = cursor.string()?;
        cursor.expect(':')?;
        let twice = match key {
            "descr" => descr.replace(cursor.descr()?).is_some(),
            "fortran_order" => fortran_order.replace(cursor.boolean()?).is_some(),
            "shape" => shape.replace(cursor.shape()?).is_some(),
            _ => bail!("expected the keys descr, fortran_order and shape, found '{key}'"),
        };
        ensure!(!twice, "expected one key '{key}', found two");
        if !cursor.accept(',') {
            cursor.expect('}')?;
            break;
        }
    }
    cursor.end()?;
    Ok(Fields {
        descr: descr.context("its header has no key 'descr'")?,
        fortran_order: fortran_order.context("its header has no key 'fortran_order'")?,
        shape: shape.context("its header has no key 'shape'")?,
    })
}

struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn accept(&mut self, token: char) -> bool {
        let rest = self.skip_space();
        let found = rest.strip_prefix(token);
        self.rest = found.unwrap_or(rest);
        found.is_some()
    }

    fn expect(&mut self, token: char) -> Result<()> {
        ensure!(
            self.accept(token),
            "expected '{token}' in its header, found {}",
            self.found()
        );
        Ok(())
    }

    /// A quoted string. NumPy never needs an escape in one.
    fn string(&mut self) -> Result<&'a str> {
        let rest = self.skip_space();
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let quote = quote
            .with_context(|| format!("expected a string in its header, found {}", self.found()))?;
        let (string, rest) = rest[1..]
            .split_once(quote)
            .context("a string in its header has no end")?;
        ensure!(
            !string.contains('\\'),
            "expected a plain string in its header, found an escape"
        );
        self.rest = rest;
        Ok(string)
    }

    fn descr(&mut self) -> Result<String> {
        ensure!(
            !self.skip_space().starts_with(['[', '(']),
            "expected one number an element, found a structured dtype {}; save its fields as arrays of their own",
            self.found()
        );
        Ok(self.string()?.to_owned())
    }

    fn boolean(&mut self) -> Result<bool> {
        let rest = self.skip_space();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        bail!(
            "expected True or False in its header, found {}",
            self.found()
        )
    }

    /// A tuple of lengths: `()`, `(3,)`, `(3, 4)`.
    fn shape(&mut self) -> Result<Vec<u64>> {
        let mut shape = Vec::new();
        self.expect('(')?;
        while !self.accept(')') {
            ensure!(
                shape.len() < MAX_AXES,
                "expected at most {MAX_AXES} axes, found more"
            );
            shape.push(self.length()?);
            if !self.accept(',') {
                self.expect(')')?;
                // `(3)` is a number in Python, not a tuple.
                ensure!(
                    shape.len() > 1,
                    "expected a tuple as its shape, found a number"
                );
                break;
            }
        }
        Ok(shape)
    }

    /// A length, with the `L` that Python 2 put after long integers.
    fn length(&mut self) -> Result<u64> {
        let rest = self.skip_space();
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (digits, rest) = rest.split_at(end);
        ensure!(
            !digits.is_empty(),
            "expected a length in its shape, found {}",
            self.found()
        );
        self.rest = rest.strip_prefix('L').unwrap_or(rest);
        digits.parse().ok().with_context(|| {
            format!(
                "expected a length below 2^64 in its shape, found {}",
                excerpt(digits)
            )
        })
    }

    fn end(&mut self) -> Result<()> {
        let rest = self.skip_space();
        ensure!(
            rest.is_empty(),
            "expected the end of its header, found {}",
            self.found()
        );
        Ok(())
    }

    fn skip_space(&self) -> &'a str {
        self.rest.trim_start_matches([' ', '\t', '\n', '\r'])
    }

    fn found(&self) -> String {
        match self.skip_space() {
            "" => "its end".into(),
            rest => excerpt(rest),
        }
    }
}

/// The first characters, safe to print.
fn excerpt(text: &str) -> String {
    let mut short = String::new();
    for c in text.chars().take(24) {
        match c {
            ' '..='~' => short.push(c),
            _ => short.extend(c.escape_default()),
        }
    }
    if text.chars().nth(24).is_some() {
        short.push('…');
    }
    format!("'{short}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_python_2_and_3_wrote() {
        let expected = Fields {
            descr: "<f4".into(),
            fortran_order: false,
            shape: vec![3, 4],
        };
        for text in [
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }",
            "{'shape': (3L, 4L), 'fortran_order': False, 'descr': '<f4'}  \n",
            "{\"shape\":(3,4,),\"descr\":\"<f4\",\"fortran_order\":False}",
        ] {
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_one_wrong_token() {
        let text = format!("{{'shape': {}", "(".repeat(60_000));
        let error = parse(&text).unwrap_err().to_string();
        assert_eq!(
            error,
            "expected a length in its shape, found '((((((((((((((((((((((((…'"
        );
    }
}
