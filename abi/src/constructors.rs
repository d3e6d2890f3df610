//! What runs when the object is loaded and when the program ends: nothing that costs a system call.

/// Fork handlers are registered before any other thread can be. The first call registers them as well, for when it
/// comes before this.
#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = start;

#[used]
#[unsafe(link_section = ".fini_array")]
static END: extern "C" fn() = end;

extern "C" fn start() {
    partage_core::process::register_fork_handlers();
}

extern "C" fn end() {
    partage_core::process::at_exit();
}
