//! Names of files as lines of text. Most names stand as they are. A name stands in double quotes, with backslash escapes as
//! git shows them (git-config(1), core.quotePath), if it would break a line, be a blank one or command a terminal, or is not
//! UTF-8.

use std::borrow::Cow;
use std::fmt::Write;

/// A name as it is written into `file_names.txt`: UTF-8, and one line to every program.
#[must_use]
pub fn quoted(name: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(name) {
        Ok(text) if !is_quoted(name) && !is_blank(name) && !text.contains(must_be_escaped) => {
            Cow::Borrowed(text)
        }
        _ => Cow::Owned(escaped(name)),
    }
}

/// The name that a line stands for.
#[must_use]
pub fn unquoted(line: &[u8]) -> Cow<'_, [u8]> {
    match is_quoted(line) {
        true => unescaped(&line[1..line.len() - 1]).map_or(Cow::Borrowed(line), Cow::Owned),
        false => Cow::Borrowed(line),
    }
}

/// The names in a text of lines, each with a line break after it.
#[must_use]
pub fn names_of(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'"') {
        return Cow::Borrowed(text);
    }
    let line = |line: &[u8]| match line.strip_suffix(b"\n") {
        Some(name) => [&unquoted(name), &b"\n"[..]].concat(),
        None => line.to_vec(),
    };
    Cow::Owned(
        text.split_inclusive(|&byte| byte == b'\n')
            .flat_map(line)
            .collect(),
    )
}

/// A line that a list skips.
pub(super) fn is_blank(line: &[u8]) -> bool {
    line.trim_ascii().is_empty()
}

fn is_quoted(line: &[u8]) -> bool {
    line.len() >= 2 && line.starts_with(b"\"") && line.ends_with(b"\"")
}

/// Control characters, and what Python's `splitlines` takes for the end of a line.
fn must_be_escaped(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn escaped(name: &[u8]) -> String {
    let mut text = String::from("\"");
    let octal = |text: &mut String, bytes: &[u8]| {
        for byte in bytes {
            let _ = write!(text, "\\{byte:03o}"); // a String takes everything
        }
    };
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                _ if must_be_escaped(c) => octal(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes()),
                _ => text.push(c),
            }
        }
        octal(&mut text, chunk.invalid());
    }
    text + "\""
}

/// `None` if the text is not as [`escaped`] writes it.
fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut name = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        name.push(match byte {
            b'"' => return None,
            b'\\' => match bytes.next()? {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                same @ (b'\\' | b'"') => same,
                first @ b'0'..=b'3' => {
                    let mut digit = || bytes.next().filter(|byte| matches!(byte, b'0'..=b'7'));
                    (first - b'0') << 6 | (digit()? - b'0') << 3 | (digit()? - b'0')
                }
                _ => return None,
            },
            other => other,
        });
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_line_of_text_and_reads_back() {
        for (name, line) in [
            (&b"a b/\xc3\xa4.jpg"[..], "a b/\u{e4}.jpg"),
            (b"C:\\a.jpg", "C:\\a.jpg"),
            (b"say \"a\".jpg", "say \"a\".jpg"),
            (b"a\rb.jpg", r#""a\rb.jpg""#),
            (b"\x1b[31m.jpg", r#""\033[31m.jpg""#),
            (b"caf\xe9.jpg", r#""caf\351.jpg""#),
            (b"\xe2\x80\xa8.jpg", r#""\342\200\250.jpg""#),
            (b"\"a\"", r#""\"a\"""#),
            (b"\"", "\""),
            (b" ", "\" \""),
        ] {
            assert_eq!(quoted(name), line);
            assert_eq!(*unquoted(line.as_bytes()), *name);
        }
    }

    #[test]
    fn quotes_that_are_no_escapes_stay() {
        for line in [&br#""a\x.jpg""#[..], br#""a"b""#, br#""a\""#, br#""\77""#] {
            assert_eq!(*unquoted(line), *line);
        }
        assert_eq!(*names_of(b"a\n\"b\\rc\"\nd"), *b"a\nb\rc\nd");
    }
}
