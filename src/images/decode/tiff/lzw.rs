//! LZW as TIFF has it: the highest bit first, and codes that grow one entry early. Before TIFF 6.0 programs wrote the lowest
//! bit first and let codes grow in time, as GIF does: libtiff's `LZWDecodeCompat`.

use crate::images::image_error::{ImageError, Result};
use weezl::decode::{Configuration, Decoder};
use weezl::{BitOrder, LzwStatus};

/// Bits of a value before it is coded.
const BITS: u8 = 8;

/// Fills `rows`. What follows in `data` is not looked at: not every program ends it with the code that says so.
///
/// # Errors
/// A code that cannot be, or too few of them.
pub fn expand(data: &[u8], rows: &mut [u8]) -> Result<()> {
    let mut decoder = decoder_of(data);
    let (mut read, mut made) = (0, 0);
    while made < rows.len() {
        let step = decoder.decode_bytes(&data[read..], &mut rows[made..]);
        read += step.consumed_in;
        made += step.consumed_out;
        match step.status {
            Ok(LzwStatus::Ok) => {}
            Ok(_) if made < rows.len() => return Err(ImageError::Truncated),
            Ok(_) => {}
            Err(_) => return Err(ImageError::Corrupt("broken LZW data")),
        }
    }
    Ok(())
}

fn decoder_of(data: &[u8]) -> Decoder {
    let configuration = match is_old(data) {
        true => Configuration::new(BitOrder::Lsb, BITS),
        false => Configuration::with_tiff_size_switch(BitOrder::Msb, BITS),
    };
    configuration.with_yield_on_full_buffer(true).build()
}

/// Whether the first code, which clears the table, has its lowest bit first.
fn is_old(data: &[u8]) -> bool {
    matches!(data, [0, second, ..] if second & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use weezl::encode;

    #[test]
    fn a_code_may_name_the_string_it_completes() {
        // Clear, 7, 258 (= 7 7), end; nine bits each.
        let data = [0x80, 0x01, 0xe0, 0x50, 0x10];
        let mut rows = [0; 3];
        expand(&data, &mut rows).unwrap();
        assert_eq!(rows, [7, 7, 7]);
        assert!(matches!(
            expand(&data, &mut [0; 4]),
            Err(ImageError::Truncated)
        ));
    }

    /// Long enough for the table to be full and cleared.
    #[test]
    fn both_orders_of_bits_are_read_as_far_as_rows_are_wanted() {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8 / 16
        };
        let values: Vec<u8> = (0..100_000).map(|_| next()).collect();
        for mut encoder in [
            encode::Encoder::with_tiff_size_switch(BitOrder::Msb, BITS),
            encode::Encoder::new(BitOrder::Lsb, BITS),
        ] {
            let data = encoder.encode(&values).unwrap();
            for wanted in [1, 2, 5000, 99_999, values.len()] {
                let mut rows = vec![0; wanted];
                expand(&data, &mut rows).unwrap();
                assert!(rows == values[..wanted], "{wanted}");
            }
            let half = expand(&data[..data.len() / 2], &mut vec![0; values.len()]);
            assert!(matches!(half, Err(ImageError::Truncated)));
        }
    }

    #[test]
    fn a_code_that_is_not_there_yet_is_an_error() {
        // Clear, 300; nine bits each.
        let broken = expand(&[0x80, 0x4b, 0], &mut [0; 2]);
        assert!(matches!(broken, Err(ImageError::Corrupt(_))));
    }
}
