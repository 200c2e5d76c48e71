//! Files that featx does not read as images: what they are, by their first bytes.

/// What a file is, in words that follow its name. `None` if that is not known.
pub fn words(data: &[u8]) -> Option<&'static str> {
    let known = STARTS.iter().find(|(start, _)| data.starts_with(start));
    known
        .map(|(_, words)| *words)
        .or_else(|| media(data))
        .or_else(|| text(data))
}

const STARTS: [(&[u8], &str); 16] = [
    (
        b"version https://git-lfs",
        "is a Git LFS pointer in place of the image (git lfs pull fetches it)",
    ),
    (b"\0\0\0\x0cjP  \r\n\x87\n", JPEG_2000),
    (b"\xff\x4f\xff\x51", JPEG_2000),
    (
        b"Pf",
        "is a PFM image, of floats, which featx does not read; convert it to PNG",
    ),
    (
        b"P7\n",
        "is a PAM image, which featx does not read; convert it to PNG",
    ),
    (b"\xff\x0a", JPEG_XL),
    (b"\0\0\0\x0cJXL \r\n\x87\n", JPEG_XL),
    (
        b"%PDF-",
        "is a PDF file, which featx does not read (pdftoppm -png makes images of it)",
    ),
    (
        b"8BPS",
        "is a Photoshop file, which featx does not read; convert it to PNG",
    ),
    (
        b"\x76\x2f\x31\x01",
        "is an OpenEXR image, which featx does not read; convert it to PNG",
    ),
    (
        b"DDS ",
        "is a DDS texture, which featx does not read; convert it to PNG",
    ),
    (b"PK\x03\x04", "is a ZIP archive, not an image; unpack it"),
    (b"\x1f\x8b", "is a gzip file, not an image; unpack it"),
    (b"\x93NUMPY", "is a NumPy array, not an image file"),
    (b"\x89HDF\r\n\x1a\n", "is an HDF5 file, not an image"),
    (
        b"\0\x05\x16\x07",
        "is macOS's own note on a file of that name, not an image",
    ),
];

const JPEG_2000: &str = "is a JPEG 2000 image, which featx does not read; convert it to PNG";
const JPEG_XL: &str = "is a JPEG XL image, which featx does not read; convert it to PNG";

/// ISO media files (ISO/IEC 14496-12): a box `ftyp`, then the brand.
fn media(data: &[u8]) -> Option<&'static str> {
    if data.get(4..8)? != b"ftyp" {
        return None;
    }
    Some(match data.get(8..12)? {
        b"avif" | b"avis" => "is an AVIF image, which featx does not read; convert it to PNG",
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => {
            "is a HEIC image, which featx does not read; convert it to JPEG or PNG"
        }
        _ => "is a video (MP4), not an image",
    })
}

/// Text, as servers send it in place of an image.
fn text(data: &[u8]) -> Option<&'static str> {
    let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    let start = data.trim_ascii_start();
    let start = start[..start.len().min(512)].to_ascii_lowercase();
    let is = |word: &[u8]| start.starts_with(word);
    let has = |word: &[u8]| start.windows(word.len()).any(|part| part == word);
    if is(b"<!doctype html") || is(b"<html") || is(b"<head") || is(b"<body") {
        return Some("is a web page (HTML) in place of an image; download it again");
    }
    if is(b"<svg") || (is(b"<?xml") || is(b"<!")) && has(b"<svg") {
        return Some("is an SVG drawing, which featx does not read; convert it to PNG");
    }
    if is(b"<?xml") {
        return Some(
            "is an XML text in place of an image, a server's error perhaps; download it again",
        );
    }
    let json = (is(b"{") && has(b"\"")) && std::str::from_utf8(&start).is_ok();
    json.then_some(
        "is a JSON text in place of an image, a server's error perhaps; download it again",
    )
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn files_are_named_as_what_they_are() {
        let begins = |data: &[u8], expected: &str| {
            let found = words(data).unwrap();
            assert!(found.starts_with(expected), "{found}");
        };
        begins(b"\0\0\0\x1cftypavif\0\0\0\0", "is an AVIF image");
        begins(b"\0\0\0\x18ftypheic\0\0\0\0", "is a HEIC image");
        begins(b"\0\0\0\x18ftypisom\0\0\0\0", "is a video");
        begins(b"P7\nWIDTH 2\n", "is a PAM image");
        begins(b"\xff\x4f\xff\x51\0", "is a JPEG 2000 image");
        begins(
            b"version https://git-lfs.github.com/spec/v1\n",
            "is a Git LFS pointer",
        );
        begins(b"\n <!DOCTYPE HTML><html>", "is a web page");
        begins(b"<?xml version='1.0'?>\n<svg>", "is an SVG");
        begins(b"{\"error\": 404}", "is a JSON text");
        assert_eq!(words(b"no photo"), None);
        assert_eq!(words(b""), None);
    }
}
