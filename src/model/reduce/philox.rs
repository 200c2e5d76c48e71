//! Philox4x64-10 (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"), as NumPy has it:
//! any number of the stream is made without those before it.

const MULTIPLIERS: [u64; 2] = [0xD2E7_470E_E14C_6C93, 0xCA5A_8263_9512_1157];
/// Added to the key after each round: the golden ratio, and the square root of 3 less 1.
const STEPS: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0xBB67_AE85_84CA_A73B];
const ROUNDS: usize = 10;

/// The stream of `numpy.random.Philox(key=key)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Philox {
    pub key: [u64; 2],
}

impl Philox {
    /// Numbers `4 * group` to `4 * group + 3` of `random_raw`.
    pub fn four(self, group: u64) -> [u64; 4] {
        // NumPy counts before it makes the first.
        let mut block = [group.wrapping_add(1), 0, 0, 0];
        let mut key = self.key;
        for _ in 0..ROUNDS {
            let [low0, high0] = product(MULTIPLIERS[0], block[0]);
            let [low1, high1] = product(MULTIPLIERS[1], block[2]);
            block = [
                high1 ^ block[1] ^ key[0],
                low1,
                high0 ^ block[3] ^ key[1],
                low0,
            ];
            key = [key[0].wrapping_add(STEPS[0]), key[1].wrapping_add(STEPS[1])];
        }
        block
    }

    /// The numbers from `first` on.
    pub fn from(self, first: u64) -> impl Iterator<Item = u64> {
        let groups = (first / 4..).flat_map(move |group| self.four(group));
        groups.skip((first % 4) as usize)
    }
}

/// Low and high half.
fn product(a: u64, b: u64) -> [u64; 2] {
    let product = u128::from(a) * u128::from(b);
    [product as u64, (product >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numpy.random.Philox(key=[1, 2]).random_raw(6)`, of NumPy 2.4.
    const NUMPY: [u64; 6] = [
        5_705_853_004_827_290_377,
        6_584_680_345_644_299_050,
        680_768_428_710_196_683,
        17_743_966_978_540_583_234,
        350_372_593_450_749_763,
        7_894_911_970_127_314_984,
    ];

    #[test]
    fn the_numbers_are_numpys() {
        let numbers: Vec<u64> = Philox { key: [1, 2] }.from(0).take(6).collect();
        assert_eq!(numbers, NUMPY);
        assert_eq!(Philox { key: [1, 2] }.from(5).next(), Some(NUMPY[5]));
    }
}
