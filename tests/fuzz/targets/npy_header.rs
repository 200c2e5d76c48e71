//! Headers of `.npy` files: whatever the bytes, an error or a header that holds what it promises.
#![no_main]

use featx::rows::npy::Header;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The file's true length, and one that lies.
    let claimed = bytes.iter().take(8).fold(0, |sum: u64, &byte| sum << 8 | u64::from(byte));
    for length in [bytes.len() as u64, claimed, u64::MAX] {
        // A length below what was read is no file's.
        if let Ok(header) = Header::read_any_length(&mut &*bytes, length.max(bytes.len() as u64)) {
            holds(&header, bytes);
        }
    }
    if let Ok(header) = Header::read_from(&mut &*bytes, bytes.len() as u64) {
        assert_eq!(header.data_offset + header.data_bytes(), bytes.len() as u64);
    }
});

fn holds(header: &Header, bytes: &[u8]) {
    assert!(header.data_offset <= bytes.len() as u64);
    assert_eq!(header.rows().unwrap_or(1) * header.row_bytes(), header.data_bytes());
    let written = header.to_bytes();
    let again = Header::read_any_length(&mut &written[..], u64::MAX).expect("what we write, we read");
    assert_eq!((&again.dtype, &again.shape, again.fortran_order), (&header.dtype, &header.shape, header.fortran_order));
    if let Ok(padded) = header.to_bytes_padded(header.version, header.data_offset as usize) {
        let again = Header::read_any_length(&mut &padded[..], u64::MAX).expect("what we write, we read");
        assert_eq!(&again, header);
    }
    // Any other number of rows gives an error or a header that is as sound.
    for rows in [0, 1, u64::MAX / 3, u64::MAX] {
        if let Ok(other) = header.with_rows(rows) {
            let _ = (other.data_bytes(), other.to_bytes());
        }
    }
}
