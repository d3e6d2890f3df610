//! The symbol tables of a loaded object, as the ELF specification and its GNU additions lay them out.

use core::ffi::{CStr, c_char};

/// An entry of a dynamic section.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Dynamic {
    tag: i64,
    value: usize,
}

const DT_NULL: i64 = 0;
const DT_HASH: i64 = 4;
const DT_STRTAB: i64 = 5;
const DT_SYMTAB: i64 = 6;
const DT_GNU_HASH: i64 = 0x6fff_fef5;
const DT_VERSYM: i64 = 0x6fff_fff0;
/// Of a symbol's version: not the default one.
const HIDDEN: u16 = 0x8000;
const STT_FUNC: u8 = 2;
const TYPE: u8 = 0xf;

/// The value of a tag.
///
/// # Safety
/// `dynamic` is a dynamic section.
pub(crate) unsafe fn value(mut dynamic: *const Dynamic, tag: i64) -> Option<usize> {
    loop {
        // SAFETY: not beyond the entry that ends it.
        let entry = unsafe { *dynamic };
        if entry.tag == tag {
            return Some(entry.value);
        }
        if entry.tag == DT_NULL {
            return None;
        }
        // SAFETY: as above.
        dynamic = unsafe { dynamic.add(1) };
    }
}

/// The address of the function `name` in the object at `base`, if it has one, in its default version.
///
/// # Safety
/// The object is loaded, and `dynamic` is its dynamic section or null.
pub(crate) unsafe fn find(base: usize, dynamic: *const Dynamic, name: &[u8]) -> Option<usize> {
    if dynamic.is_null() {
        return None;
    }
    // Some linkers have turned these into addresses, others have left the offsets.
    let address = |tag| {
        // SAFETY: the caller's promise.
        let at = unsafe { value(dynamic, tag) }?;
        Some(if at < base { base.wrapping_add(at) } else { at })
    };
    let symbols = Symbols {
        base,
        entries: address(DT_SYMTAB)? as *const libc::Elf64_Sym,
        strings: address(DT_STRTAB)? as *const c_char,
        versions: address(DT_VERSYM).unwrap_or(0) as *const u16,
    };
    // SAFETY: the tables of a loaded object, by its own word.
    unsafe {
        if let Some(table) = address(DT_GNU_HASH) {
            symbols.find_by_gnu_hash(table as *const u32, name)
        } else {
            symbols.find_by_hash(address(DT_HASH)? as *const u32, name)
        }
    }
}

struct Symbols {
    base: usize,
    entries: *const libc::Elf64_Sym,
    strings: *const c_char,
    versions: *const u16,
}

impl Symbols {
    /// # Safety
    /// `table` is the object's `DT_GNU_HASH`.
    unsafe fn find_by_gnu_hash(&self, table: *const u32, name: &[u8]) -> Option<usize> {
        let hash = name.iter().fold(5381u32, |hash, byte| {
            hash.wrapping_mul(33).wrapping_add(u32::from(*byte))
        });
        // SAFETY: number of buckets, first symbol, words of the filter, shift; then the filter (64-bit words), the
        // buckets, and a hash per symbol from the first on. The lowest bit of a hash ends its bucket.
        unsafe {
            let (buckets, first, words) = (*table, *table.add(1), *table.add(2));
            if buckets == 0 {
                return None;
            }
            let bucket = table.add(4 + 2 * words as usize);
            let mut index = *bucket.add((hash % buckets) as usize);
            if index < first {
                return None;
            }
            let hashes = bucket.add(buckets as usize);
            loop {
                let here = *hashes.add((index - first) as usize);
                if here | 1 == hash | 1
                    && let Some(found) = self.function(index as usize, name)
                {
                    return Some(found);
                }
                if here & 1 != 0 {
                    return None;
                }
                index += 1;
            }
        }
    }

    /// # Safety
    /// `table` is the object's `DT_HASH`.
    unsafe fn find_by_hash(&self, table: *const u32, name: &[u8]) -> Option<usize> {
        let hash = name.iter().fold(0u32, |hash, byte| {
            let hash = (hash << 4).wrapping_add(u32::from(*byte));
            let high = hash & 0xf000_0000;
            (hash ^ (high >> 24)) & !high
        });
        // SAFETY: number of buckets and of chains; then the buckets, then the chains, one per symbol; 0 ends a chain.
        unsafe {
            let buckets = *table;
            if buckets == 0 {
                return None;
            }
            let mut index = *table.add(2 + (hash % buckets) as usize);
            let chains = table.add(2 + buckets as usize);
            while index != 0 {
                if let Some(found) = self.function(index as usize, name) {
                    return Some(found);
                }
                index = *chains.add(index as usize);
            }
        }
        None
    }

    /// The address of symbol `index` if it is the defined function `name` in its default version.
    ///
    /// # Safety
    /// The object has such a symbol.
    unsafe fn function(&self, index: usize, name: &[u8]) -> Option<usize> {
        // SAFETY: the caller's promise; a symbol's name is an offset into the strings, each of which ends with NUL.
        unsafe {
            let symbol = &*self.entries.add(index);
            let defined = symbol.st_shndx != 0 && symbol.st_info & TYPE == STT_FUNC;
            let default = self.versions.is_null() || *self.versions.add(index) & HIDDEN == 0;
            let named =
                || CStr::from_ptr(self.strings.add(symbol.st_name as usize)).to_bytes() == name;
            (defined && default && named())
                .then(|| self.base.wrapping_add(symbol.st_value as usize))
        }
    }
}
