//! Tokens: each names one member.

use super::format::MAX_MEMBERS;

const INDEX_BITS: u32 = 14;

/// Names one member for all time: its slot and the slot's generation. Never zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Token(u64);

impl Token {
    fn new(index: u32, generation: u64) -> Token {
        Token(u64::from(index & (MAX_MEMBERS - 1)) | generation.max(1) << INDEX_BITS)
    }

    /// The token of a slot's next member. One generation is skipped: a child may have died while it took over what was
    /// counted for it, and that generation may have some holdings.
    pub(super) fn after(index: u32, before: u64) -> Token {
        Token::new(index, (before >> INDEX_BITS) + 2)
    }

    pub(crate) fn from_bits(bits: u64) -> Option<Token> {
        (bits >> INDEX_BITS != 0).then_some(Token(bits))
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    pub(crate) fn index(self) -> u32 {
        (self.0 & u64::from(MAX_MEMBERS - 1)) as u32
    }

    pub(super) fn generation(self) -> u64 {
        self.0 >> INDEX_BITS
    }

    /// The next token of the same slot.
    pub(crate) fn next(self) -> Token {
        Token::new(self.index(), self.generation() + 1)
    }

    /// What the slot's `process` field is for this token and the process `pid`.
    pub(super) fn process_word(self, pid: i32) -> u64 {
        u64::from(pid as u32) | (self.generation() & 0xffff_ffff) << 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_never_zero_and_keep_the_index() {
        assert_eq!(Token::from_bits(77), None);
        let mut token = Token::new(77, 0);
        for _ in 0..5 {
            assert_eq!(Token::from_bits(token.bits()), Some(token));
            token = token.next();
            assert_eq!(token.index(), 77);
        }
        assert_eq!(token.generation(), 6);
    }
}
