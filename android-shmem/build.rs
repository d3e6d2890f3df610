//! Names the shared object and keeps it free of any particular C library.

fn main() {
    partage_link::soname("libandroid-shmem.so");
    partage_link::never_unloaded();
    partage_link::to_no_c_library();
}
