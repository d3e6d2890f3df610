//! The next definition of a symbol, read from the tables of the loaded objects: `dlsym` cannot be asked, since that is
//! one of the functions that are looked for.
//!
//! The linker's list of objects is in the order in which they are searched. What is looked for is in an object that came
//! with the program and stays loaded, so nobody changes that part of the list.

use core::ffi::{c_char, c_int, c_void};

use crate::tables::{self, Dynamic};

/// The public part of the linker's record of an object, `struct link_map` of link.h.
#[repr(C)]
struct LinkMap {
    base: usize,
    name: *const c_char,
    dynamic: *const Dynamic,
    next: *const LinkMap,
    previous: *const LinkMap,
}

/// The public part of `struct r_debug` of link.h.
#[repr(C)]
struct Debug {
    version: c_int,
    first: *const LinkMap,
}

const DT_DEBUG: i64 = 21;

/// What `_dl_find_object` fills in, `struct dl_find_object` of dlfcn.h.
#[repr(C)]
struct Found {
    flags: u64,
    map_start: *const c_void,
    map_end: *const c_void,
    link_map: *const LinkMap,
    eh_frame: *const c_void,
    reserved: [u64; 7],
}

unsafe extern "C" {
    /// Our own dynamic section.
    #[link_name = "_DYNAMIC"]
    static OURS: [Dynamic; 1];
    #[link_name = "partage_weak_dl_find_object"]
    static FIND_OBJECT: Option<unsafe extern "C" fn(*const c_void, *mut Found) -> c_int>;
}

// Weak: glibc has it since 2.35; it finds an object in whatever namespace it is.
core::arch::global_asm!(
    ".weak _dl_find_object",
    ".hidden _DYNAMIC",
    ".pushsection .data.rel.ro.partage_dl_find_object,\"aw\"",
    ".balign 8",
    ".hidden partage_weak_dl_find_object",
    ".globl partage_weak_dl_find_object",
    "partage_weak_dl_find_object: .quad _dl_find_object",
    ".popsection"
);

/// The address of the next definition of `name` behind this object, else of any other object's; 0 if there is none.
pub(crate) fn next_definition(name: &[u8]) -> usize {
    let Some(own) = own() else { return 0 };
    // SAFETY: `own` is an object of the linker's list, and so are its neighbours.
    unsafe {
        let behind = search(own.next, |map| map.next, name);
        if behind != 0 {
            behind
        } else {
            // Some linkers list the C library before everything that is preloaded.
            search(own.previous, |map| map.previous, name)
        }
    }
}

/// Our own place in the linker's list.
fn own() -> Option<&'static LinkMap> {
    let dynamic = (&raw const OURS).cast::<Dynamic>();
    // SAFETY: all zeros is a valid value.
    let mut found: Found = unsafe { core::mem::zeroed() };
    // SAFETY: the C library's function or null; an address in this object, and a place for the answer.
    let known = unsafe { FIND_OBJECT }
        .is_some_and(|find| unsafe { find(dynamic.cast(), &raw mut found) } == 0);
    if known && !found.link_map.is_null() {
        // SAFETY: the record of this object, which is never unloaded.
        return Some(unsafe { &*found.link_map });
    }
    let mut at = first()?;
    // SAFETY: the list is that of the linker, and ends with a null pointer.
    while let Some(map) = unsafe { at.as_ref() } {
        if map.dynamic == dynamic {
            return Some(map);
        }
        at = map.next;
    }
    None
}

/// The head of the linker's list, by way of the program's own headers: it is there for debuggers.
fn first() -> Option<*const LinkMap> {
    // SAFETY: getauxval only reads.
    let (headers, count) = unsafe {
        (
            libc::getauxval(libc::AT_PHDR) as *const libc::Elf64_Phdr,
            libc::getauxval(libc::AT_PHNUM) as usize,
        )
    };
    if headers.is_null() {
        return None;
    }
    // SAFETY: the kernel tells where the headers are and how many; they stay mapped.
    let headers = unsafe { core::slice::from_raw_parts(headers, count) };
    let of = |wanted| headers.iter().find(|header| header.p_type == wanted);
    let base = of(libc::PT_PHDR).map_or(0, |own| {
        headers.as_ptr().addr().wrapping_sub(own.p_vaddr as usize)
    });
    let dynamic = base.wrapping_add(of(libc::PT_DYNAMIC)?.p_vaddr as usize) as *const Dynamic;
    // SAFETY: the program's dynamic section, mapped, which ends with DT_NULL.
    let debug = unsafe { tables::value(dynamic, DT_DEBUG) }? as *const Debug;
    // SAFETY: null, or the linker's structure.
    unsafe { debug.as_ref() }.map(|debug| debug.first)
}

/// The first definition from `map` on.
///
/// # Safety
/// `map` is null or an object of the linker's list.
unsafe fn search(
    mut map: *const LinkMap,
    step: fn(&LinkMap) -> *const LinkMap,
    name: &[u8],
) -> usize {
    // SAFETY: the caller's promise; the list ends with a null pointer.
    while let Some(object) = unsafe { map.as_ref() } {
        // SAFETY: the object is loaded.
        let found = unsafe { tables::find(object.base, object.dynamic, name) };
        if let Some(found) = found {
            return found;
        }
        map = step(object);
    }
    0
}
