//! Names the shared object and keeps it free of any particular C library.

fn main() {
    partage_link::soname("libpartage_ipcs.so");
    partage_link::to_no_c_library();
}
